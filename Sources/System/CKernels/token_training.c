// The reverse pass of layer norms and patch merging, channels-last; see CKernels.h. Sums that cross rows are made part by
// part, and the parts do not depend on the number of threads.
#include "CKernels.h"
#include "clones.h"
#include <math.h>
#include <string.h>

enum { LANES = 16 };

static inline float total_of(const float *lanes) {
    float total = 0;
    for (int l = 0; l < LANES; l++) total += lanes[l];
    return total;
}

// Mean and 1 / sqrt(variance + epsilon) of a row, as forward.
static inline __attribute__((always_inline)) void row_statistics(
    const float *from, int64_t channels, float epsilon, float *mean, float *factor) {
    float sums[LANES] = {0}, squares[LANES] = {0};
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        for (int l = 0; l < LANES; l++) sums[l] += from[c + l];
    for (int l = 0; c < channels; c++, l++) sums[l] += from[c];
    *mean = total_of(sums) / (float)channels;
    for (c = 0; c + LANES <= channels; c += LANES)
        for (int l = 0; l < LANES; l++) squares[l] += (from[c + l] - *mean) * (from[c + l] - *mean);
    for (int l = 0; c < channels; c++, l++) squares[l] += (from[c] - *mean) * (from[c] - *mean);
    *factor = 1.0f / sqrtf(total_of(squares) / (float)channels + epsilon);
}

// With n = (x - mean) / sqrt(variance + epsilon) and g = scale * gradient:
// dx = (g - mean(g) - n mean(g n)) / sqrt(variance + epsilon).
CK_CLONES void CK_layer_norm_backward(const CK_LayerNormBackward *work, int64_t index) {
    int64_t channels = work->channels;
    int64_t first = work->total * index / work->parts, last = work->total * (index + 1) / work->parts;
    double *restrict scale_sums = work->sums + index * 2 * channels, *restrict shift_sums = scale_sums + channels;
    const float *restrict scale = work->scale;
    memset(scale_sums, 0, (size_t)(2 * channels) * sizeof(double));
    for (int64_t row = first; row < last; row++) {
        const float *from = work->source + row * channels, *gradient = work->gradient + row * channels;
        float *to = work->destination + row * channels;
        float mean, factor, gradients[LANES] = {0}, products[LANES] = {0};
        row_statistics(from, channels, work->epsilon, &mean, &factor);
        int64_t c = 0;
        for (; c + LANES <= channels; c += LANES)
            for (int l = 0; l < LANES; l++) {
                float g = gradient[c + l] * scale[c + l];
                gradients[l] += g;
                products[l] += g * ((from[c + l] - mean) * factor);
            }
        for (int l = 0; c < channels; c++, l++) {
            float g = gradient[c] * scale[c];
            gradients[l] += g;
            products[l] += g * ((from[c] - mean) * factor);
        }
        float shared = total_of(gradients) / (float)channels, along = total_of(products) / (float)channels;
        for (c = 0; c < channels; c++) {
            float n = (from[c] - mean) * factor, g = gradient[c];
            scale_sums[c] += (double)(g * n);
            shift_sums[c] += (double)g;
            to[c] = (g * scale[c] - shared - n * along) * factor;
        }
    }
}

void CK_space_to_depth_backward(const CK_SpaceToDepth *work, int64_t index) {
    int64_t row = index % work->height, image = index / work->height;
    int64_t channels = work->channels, parts = work->block * work->block;
    const float *from = work->source + index * work->width * parts * channels;
    float *to = work->destination + image * work->source_height * work->source_width * channels;
    for (int64_t x = 0; x < work->width; x++)
        for (int64_t p = 0; p < parts; p++, from += channels) {
            int64_t sy = row * work->block + work->row_offsets[p], sx = x * work->block + work->column_offsets[p];
            if (sy < work->source_height && sx < work->source_width)
                memcpy(to + (sy * work->source_width + sx) * channels, from, (size_t)channels * sizeof(float));
        }
}
