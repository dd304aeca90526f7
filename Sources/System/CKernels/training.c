// Loops of the reverse pass over feature maps; see CKernels.h.
#include "CKernels.h"
#include "clones.h"
#include <string.h>

static int64_t segment_end(int64_t index, int64_t count) {
    int64_t end = (index + 1) * CK_SEGMENT;
    return end < count ? end : count;
}

CK_CLONES void CK_accumulate(const CK_Pointwise *work, int64_t index) {
    int64_t end = segment_end(index, work->count);
    for (int64_t i = index * CK_SEGMENT; i < end; i++) work->destination[i] += work->a[i];
}

CK_CLONES void CK_product(const CK_Pointwise *work, int64_t index) {
    int64_t end = segment_end(index, work->count);
    for (int64_t i = index * CK_SEGMENT; i < end; i++) work->destination[i] = work->a[i] * work->b[i];
}

CK_CLONES void CK_relu_backward(const CK_Pointwise *work, int64_t index) {
    int64_t end = segment_end(index, work->count);
    if (work->c) {
        for (int64_t i = index * CK_SEGMENT; i < end; i++) {
            float sum = work->a[i] + work->c[i];
            work->destination[i] = work->b[i] > 0 && work->b[i] < work->limit ? sum : 0;
        }
        return;
    }
    for (int64_t i = index * CK_SEGMENT; i < end; i++)
        work->destination[i] = work->b[i] > 0 && work->b[i] < work->limit ? work->a[i] : 0;
}

CK_CLONES void CK_hard_sigmoid_backward(const CK_Pointwise *work, int64_t index) {
    int64_t end = segment_end(index, work->count);
    for (int64_t i = index * CK_SEGMENT; i < end; i++)
        work->destination[i] = work->b[i] > 0 && work->b[i] < 1 ? work->limit * work->a[i] : 0;
}

CK_CLONES void CK_inverse_root_backward(const CK_Pointwise *work, int64_t index) {
    int64_t end = segment_end(index, work->count);
    for (int64_t i = index * CK_SEGMENT; i < end; i++)
        work->destination[i] = -0.5f * work->a[i] * work->b[i] * work->b[i] * work->b[i];
}

CK_CLONES void CK_channel_sums(const CK_ChannelSums *work, int64_t index) {
    int64_t lanes = work->lanes, positions = work->positions;
    const float *a = work->a + index * positions * lanes;
    const float *b = work->b ? work->b + index * positions * lanes : NULL;
    for (int64_t first = 0; first < lanes; first += 16) {
        int64_t width = lanes - first < 16 ? lanes - first : 16;
        double sums[16] = {0};
        for (int64_t i = 0; i < positions; i++)
            for (int64_t l = 0; l < width; l++)
                sums[l] += (double)a[i * lanes + first + l] * (b ? b[i * lanes + first + l] : 1.0f);
        for (int64_t l = 0; l < width; l++) work->sums[index * lanes + first + l] = (float)sums[l];
    }
}

CK_CLONES void CK_take_channels(const CK_CopyChannels *work, int64_t index) {
    int64_t lanes = work->lanes, positions = work->positions;
    const float *from = work->source + index * work->source_blocks * positions * lanes;
    float *to = work->destination + index * work->destination_blocks * positions * lanes;
    if (work->first % lanes == 0 && work->channels % lanes == 0) {
        memcpy(
            to, from + work->first / lanes * positions * lanes, (size_t)(work->channels * positions) * sizeof(float));
        return;
    }
    memset(to, 0, (size_t)(work->destination_blocks * positions * lanes) * sizeof(float));
    for (int64_t c = 0; c < work->channels; c++) {
        int64_t s = work->first + c;
        const float *a = from + (s / lanes) * positions * lanes + s % lanes;
        float *b = to + (c / lanes) * positions * lanes + c % lanes;
        for (int64_t i = 0; i < positions; i++) b[i * lanes] = a[i * lanes];
    }
}

CK_CLONES void CK_subsample_backward(const CK_Subsample *work, int64_t index) {
    int64_t block = index % work->source_blocks, image = index / work->source_blocks, lanes = work->lanes;
    int64_t area = work->source_height * work->source_width;
    float *to = work->destination + index * area * lanes;
    memset(to, 0, (size_t)(area * lanes) * sizeof(float));
    if (block >= work->destination_blocks) return;
    const float *from = work->source + (image * work->destination_blocks + block) * work->height * work->width * lanes;
    for (int64_t y = 0; y < work->height; y++)
        for (int64_t x = 0; x < work->width; x++, from += lanes) {
            float *at = to + (y * work->stride * work->source_width + x * work->stride) * lanes;
            for (int64_t l = 0; l < lanes; l++) at[l] = from[l];
        }
}

CK_CLONES void CK_crop(const CK_Pad *work, int64_t index) {
    int64_t lanes = work->lanes;
    float *to = work->destination + index * work->source_height * work->source_width * lanes;
    const float *from = work->source + index * work->height * work->width * lanes;
    for (int64_t y = 0; y < work->source_height; y++)
        for (int64_t x = 0; x < work->source_width; x++, to += lanes) {
            int64_t sy = y + work->top, sx = x + work->left;
            int inside = sy >= 0 && sy < work->height && sx >= 0 && sx < work->width;
            const float *at = from + (inside ? (sy * work->width + sx) * lanes : 0);
            for (int64_t l = 0; l < lanes; l++) to[l] = inside ? at[l] : 0;
        }
}

CK_CLONES void CK_enlarge_backward(const CK_Enlarge *work, int64_t index) {
    int64_t lanes = work->lanes, width = work->width * work->columns;
    const float *from = work->source + index * work->height * work->rows * width * lanes;
    float *to = work->destination + index * work->height * work->width * lanes;
    for (int64_t y = 0; y < work->height; y++)
        for (int64_t x = 0; x < work->width; x++, to += lanes) {
            for (int64_t l = 0; l < lanes; l++) to[l] = 0;
            for (int64_t r = 0; r < work->rows; r++)
                for (int64_t c = 0; c < work->columns; c++) {
                    const float *at = from + ((y * work->rows + r) * width + x * work->columns + c) * lanes;
                    for (int64_t l = 0; l < lanes; l++) to[l] += at[l];
                }
        }
}
