// Where the tokens of a shifted window lie, and the exponential function; shared by attention forward and backward.
#ifndef CKERNELS_WINDOWS_H
#define CKERNELS_WINDOWS_H
#include "CKernels.h"
#include <string.h>

// Which of the three strips of a shifted axis a padded position lies in; positions of different strips do not attend
// to each other.
static inline int64_t strip(int64_t position, int64_t size, int64_t window, int64_t shift) {
    if (shift == 0) return 0;
    return position < size - window ? 0 : position < size - shift ? 1 : 2;
}

// Index into the unpadded map of the token at (row, column) of the shifted, padded map; -1 for padding.
static inline int64_t source_of(const CK_WindowAttention *work, int64_t row, int64_t column) {
    if (work->pads_after_shift) {
        if (row >= work->height || column >= work->width) return -1;
        row = (row + work->shift_rows) % work->height;
        column = (column + work->shift_columns) % work->width;
    } else {
        row = (row + work->shift_rows) % work->padded_height;
        column = (column + work->shift_columns) % work->padded_width;
        if (row >= work->height || column >= work->width) return -1;
    }
    return row * work->width + column;
}

// e^x for x <= 0 to 2 units in the last place (Cephes' expf polynomial), written so that compilers vectorise it.
static inline float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    float n = __builtin_rintf(x * 1.44269504088896341f);
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    uint32_t bits = (uint32_t)((int32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}
#endif
