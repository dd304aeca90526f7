// Loops over feature maps; see CKernels.h.
#include "CKernels.h"
#include "clones.h"
#include <string.h>

CK_CLONES void CK_subsample(const CK_Subsample *work, int64_t index) {
    int64_t block = index % work->destination_blocks, image = index / work->destination_blocks;
    int64_t lanes = work->lanes, area = work->height * work->width;
    float *to = work->destination + index * area * lanes;
    if (block >= work->source_blocks) {
        memset(to, 0, (size_t)(area * lanes) * sizeof(float));
        return;
    }
    const float *from =
        work->source + (image * work->source_blocks + block) * work->source_height * work->source_width * lanes;
    for (int64_t y = 0; y < work->height; y++)
        for (int64_t x = 0; x < work->width; x++, to += lanes) {
            const float *at = from + (y * work->stride * work->source_width + x * work->stride) * lanes;
            for (int64_t l = 0; l < lanes; l++) to[l] = at[l];
        }
}

CK_CLONES void CK_pad(const CK_Pad *work, int64_t index) {
    int64_t block = index % work->blocks, lanes = work->lanes;
    int64_t used = work->channels - block * lanes;
    if (used > lanes) used = lanes;
    float *to = work->destination + index * work->height * work->width * lanes;
    const float *from = work->source + index * work->source_height * work->source_width * lanes;
    for (int64_t y = 0; y < work->height; y++)
        for (int64_t x = 0; x < work->width; x++, to += lanes) {
            int64_t sy = y - work->top, sx = x - work->left;
            int inside = sy >= 0 && sy < work->source_height && sx >= 0 && sx < work->source_width;
            const float *at = from + (inside ? (sy * work->source_width + sx) * lanes : 0);
            for (int64_t l = 0; l < lanes; l++) to[l] = inside ? at[l] : l < used ? work->value : 0;
        }
}

CK_CLONES void CK_affine(const CK_Affine *work, int64_t index) {
    int64_t block = index % work->blocks, lanes = work->lanes;
    const float *from = work->source + index * work->positions * lanes;
    float *to = work->destination + index * work->positions * lanes;
    const float *scale = work->scale + (work->scale_per_image ? index : block) * lanes;
    const float *shift = work->shift + (work->shift_per_image ? index : block) * lanes;
    if (lanes == 1) {
        for (int64_t i = 0; i < work->positions; i++) to[i] = from[i] * scale[0] + shift[0];
        return;
    }
    for (int64_t i = 0; i < work->positions; i++, from += lanes, to += lanes)
        for (int64_t l = 0; l < lanes; l++) to[l] = from[l] * scale[l] + shift[l];
}

CK_CLONES void CK_copy_channels(const CK_CopyChannels *work, int64_t index) {
    int64_t lanes = work->lanes, positions = work->positions;
    const float *from = work->source + index * work->source_blocks * positions * lanes;
    float *to = work->destination + index * work->destination_blocks * positions * lanes;
    for (int64_t c = 0; c < work->channels; c++) {
        int64_t d = work->first + c;
        const float *a = from + (c / lanes) * positions * lanes + c % lanes;
        float *b = to + (d / lanes) * positions * lanes + d % lanes;
        for (int64_t i = 0; i < positions; i++) b[i * lanes] = a[i * lanes];
    }
    // The rest of the last block: padding, unless the next source is copied there. Whatever stood there before would reach
    // the gradients of weights that the network does not have.
    for (int64_t d = work->first + work->channels; d % lanes; d++) {
        float *b = to + (d / lanes) * positions * lanes + d % lanes;
        for (int64_t i = 0; i < positions; i++) b[i * lanes] = 0;
    }
}

CK_CLONES void CK_space_to_depth(const CK_SpaceToDepth *work, int64_t index) {
    int64_t row = index % work->height, image = index / work->height;
    int64_t channels = work->channels, parts = work->block * work->block;
    const float *from = work->source + image * work->source_height * work->source_width * channels;
    float *to = work->destination + index * work->width * parts * channels;
    for (int64_t x = 0; x < work->width; x++)
        for (int64_t p = 0; p < parts; p++, to += channels) {
            int64_t sy = row * work->block + work->row_offsets[p], sx = x * work->block + work->column_offsets[p];
            if (sy < work->source_height && sx < work->source_width)
                memcpy(to, from + (sy * work->source_width + sx) * channels, (size_t)channels * sizeof(float));
            else
                memset(to, 0, (size_t)channels * sizeof(float));
        }
}
