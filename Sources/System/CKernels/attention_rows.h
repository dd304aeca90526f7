// What attention does row by row, forward and backward: products in registers, and the softmax.
//
// Tokens and head sizes are rounded up to whole vectors of 16 and queries are taken four at a time, so that the products
// run in registers.
#ifndef CKERNELS_ATTENTION_ROWS_H
#define CKERNELS_ATTENTION_ROWS_H
#include "windows.h"

typedef float vector __attribute__((vector_size(64), aligned(4)));
enum { LANES = 16, ROWS = 4 };

static inline int64_t rounded(int64_t count, int64_t to) { return (count + to - 1) / to * to; }

// products[r][j] = sum over c < count of rows[r][c] columns[c][j], for four rows and `stored` columns.
static inline __attribute__((always_inline)) void multiply_rows(
    const float *rows, int64_t row_stride, int64_t count, const float *columns, int64_t stored, float *products) {
    for (int64_t j = 0; j < stored; j += LANES) {
        vector sums[ROWS] = {{0}};
        for (int64_t c = 0; c < count; c++) {
            vector column = *(const vector *)(columns + c * stored + j);
            for (int r = 0; r < ROWS; r++) sums[r] += rows[r * row_stride + c] * column;
        }
        for (int r = 0; r < ROWS; r++) *(vector *)(products + r * stored + j) = sums[r];
    }
}

// The softmax of one row of scores; entries beyond `tokens` are written but stand for nothing.
static inline __attribute__((always_inline)) void softmax(float *restrict row, int64_t tokens, int64_t stored_tokens) {
    float largest = row[0];
    for (int64_t j = 1; j < tokens; j++) largest = row[j] > largest ? row[j] : largest;
    for (int64_t j = tokens; j < stored_tokens; j++) row[j] = largest;
    for (int64_t j = 0; j < stored_tokens; j++) row[j] = exponential(row[j] - largest);
    float sums[LANES] = {0}, total = 0;
    int64_t j = 0;
    for (; j + LANES <= tokens; j += LANES)
        for (int l = 0; l < LANES; l++) sums[l] += row[j + l];
    for (int l = 0; j < tokens; j++, l++) sums[l] += row[j];
    for (int l = 0; l < LANES; l++) total += sums[l];
    float share = 1.0f / total;
    for (int64_t i = 0; i < stored_tokens; i++) row[i] *= share;
}

// Adds bias and mask and applies the softmax to one row of scores.
static inline __attribute__((always_inline)) void normalize(
    float *restrict row, const float *restrict bias, const int32_t *restrict regions, int32_t region, int masked,
    int64_t tokens, int64_t stored_tokens) {
    for (int64_t j = 0; j < tokens; j++) row[j] += bias[j];
    if (masked)
        for (int64_t j = 0; j < tokens; j++) row[j] -= regions[j] == region ? 0.0f : 100.0f;
    softmax(row, tokens, stored_tokens);
}
#endif
