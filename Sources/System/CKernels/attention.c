// Windowed multi-head attention with relative position bias (Liu et al. 2021, section 3.2); see CKernels.h.
#include "CKernels.h"
#include "clones.h"
#include <math.h>
#include <string.h>

// Per window: the source position of each token, its shift region, and per head q (T x d), k transposed (d x T), v
// (T x d), scores (T x T).
size_t CK_window_scratch(const CK_WindowAttention *work) {
    size_t tokens = (size_t)(work->window_height * work->window_width);
    size_t head = (size_t)(work->channels / work->heads);
    return tokens * head * 4 + tokens * tokens + tokens * 4 + 64;
}

// Which of the three strips of a shifted axis a padded position lies in; positions of different strips do not attend
// to each other.
static int64_t strip(int64_t position, int64_t size, int64_t window, int64_t shift) {
    if (shift == 0) return 0;
    return position < size - window ? 0 : position < size - shift ? 1 : 2;
}

// Index into the unpadded map of the token at (row, column) of the shifted, padded map; -1 for padding.
static int64_t source_of(const CK_WindowAttention *work, int64_t row, int64_t column) {
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

CK_CLONES static void attend(
    float *restrict scores, const float *restrict q, const float *restrict kt, const float *restrict v,
    const float *restrict bias, const int32_t *restrict regions, int masked, int64_t tokens, int64_t head, float scale,
    float *restrict result) {
    for (int64_t i = 0; i < tokens; i++) {
        float *restrict row = scores;
        for (int64_t j = 0; j < tokens; j++) row[j] = 0;
        for (int64_t c = 0; c < head; c++) {
            float value = q[i * head + c] * scale;
            const float *restrict keys = kt + c * tokens;
            for (int64_t j = 0; j < tokens; j++) row[j] += value * keys[j];
        }
        float largest = -INFINITY;
        for (int64_t j = 0; j < tokens; j++) {
            row[j] += bias[i * tokens + j];
            if (masked && regions[i] != regions[j]) row[j] -= 100.0f;
            if (row[j] > largest) largest = row[j];
        }
        float total = 0;
        for (int64_t j = 0; j < tokens; j++) row[j] = exponential(row[j] - largest);
        for (int64_t j = 0; j < tokens; j++) total += row[j];
        float share = 1.0f / total;
        float *restrict out = result + i * head;
        for (int64_t c = 0; c < head; c++) out[c] = 0;
        for (int64_t j = 0; j < tokens; j++) {
            float weight = row[j] * share;
            for (int64_t c = 0; c < head; c++) out[c] += weight * v[j * head + c];
        }
    }
}

void CK_window_attention(const CK_WindowAttention *work, int64_t index, float *scratch) {
    int64_t columns = work->padded_width / work->window_width, rows = work->padded_height / work->window_height;
    int64_t image = index / (rows * columns), window = index % (rows * columns);
    int64_t top = window / columns * work->window_height, left = window % columns * work->window_width;
    int64_t tokens = work->window_height * work->window_width, channels = work->channels;
    int64_t head = channels / work->heads;
    float *q = scratch, *kt = q + tokens * head, *v = kt + tokens * head, *result = v + tokens * head;
    float *scores = result + tokens * head;
    int32_t *regions = (int32_t *)(scores + tokens), *sources = regions + tokens;
    int masked = work->shift_rows > 0 || work->shift_columns > 0;
    for (int64_t t = 0; t < tokens; t++) {
        int64_t row = top + t / work->window_width, column = left + t % work->window_width;
        sources[t] = (int32_t)source_of(work, row, column);
        regions[t] = (int32_t)(3 * strip(row, work->padded_height, work->window_height, work->shift_rows)
                               + strip(column, work->padded_width, work->window_width, work->shift_columns));
    }
    const float *map = work->qkv + image * work->height * work->width * 3 * channels;
    float *output = work->output + image * work->height * work->width * channels;
    for (int64_t h = 0; h < work->heads; h++) {
        for (int64_t t = 0; t < tokens; t++) {
            const float *at = (sources[t] < 0 ? work->padding : map + (int64_t)sources[t] * 3 * channels) + h * head;
            memcpy(q + t * head, at, (size_t)head * sizeof(float));
            memcpy(v + t * head, at + 2 * channels, (size_t)head * sizeof(float));
            for (int64_t c = 0; c < head; c++) kt[c * tokens + t] = at[channels + c];
        }
        attend(scores, q, kt, v, work->bias + h * tokens * tokens, regions, masked, tokens, head, work->scale, result);
        for (int64_t t = 0; t < tokens; t++)
            if (sources[t] >= 0)
                memcpy(
                    output + (int64_t)sources[t] * channels + h * head, result + t * head, (size_t)head * sizeof(float));
    }
}
