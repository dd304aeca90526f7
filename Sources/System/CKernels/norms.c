// Layer normalisation over channels-last rows; see CKernels.h.
#include "CKernels.h"
#include "clones.h"
#include <math.h>

enum { LANES = 16 };

static inline float sum_of(const float *lanes) {
    float sum = 0;
    for (int l = 0; l < LANES; l++) sum += lanes[l];
    return sum;
}

CK_CLONES void CK_layer_norm(const CK_LayerNorm *work, int64_t index) {
    int64_t channels = work->channels, first = index * work->rows, last = first + work->rows;
    if (last > work->total) last = work->total;
    for (int64_t row = first; row < last; row++) {
        const float *from = work->source + row * channels;
        float *to = work->destination + row * channels;
        float sums[LANES] = {0}, squares[LANES] = {0};
        int64_t c = 0;
        for (; c + LANES <= channels; c += LANES)
            for (int l = 0; l < LANES; l++) sums[l] += from[c + l];
        for (int l = 0; c < channels; c++, l++) sums[l] += from[c];
        float mean = sum_of(sums) / (float)channels;
        for (c = 0; c + LANES <= channels; c += LANES)
            for (int l = 0; l < LANES; l++) {
                float d = from[c + l] - mean;
                squares[l] += d * d;
            }
        for (int l = 0; c < channels; c++, l++) {
            float d = from[c] - mean;
            squares[l] += d * d;
        }
        float factor = 1.0f / sqrtf(sum_of(squares) / (float)channels + work->epsilon);
        for (c = 0; c < channels; c++) to[c] = (from[c] - mean) * factor * work->scale[c] + work->shift[c];
    }
}
