// Sums over feature vectors; see CKernels.h. Float32 within a chunk, float64 beyond, always in the same order.
#include "CKernels.h"
#include "clones.h"

enum { LANES = 16, CHUNK = 512 };
typedef float vector __attribute__((vector_size(LANES * 4), aligned(4)));
typedef double wide __attribute__((vector_size(LANES * 8), aligned(8)));
#define LOAD(p) (*(const vector *)(p))
#define UNROLL _Pragma("clang loop unroll(full)")

static inline __attribute__((always_inline)) double total(const wide *values) {
    double sum = 0;
    for (int l = 0; l < LANES; l++) sum += (*values)[l];
    return sum;
}

CK_CLONES void CK_moments(const float *values, int64_t count, CK_Moments *out) {
    const float first = count > 0 ? values[0] : 0;
    wide sums = {0}, shifted_squares = {0}, squares = {0};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        wide x = __builtin_convertvector(LOAD(values + i), wide), d = x - (double)first;
        sums += d;
        shifted_squares += d * d;
        squares += x * x;
    }
    double sum = total(&sums), shifted = total(&shifted_squares), plain = total(&squares);
    for (; i < count; i++) {
        double x = values[i], d = x - (double)first;
        sum += d;
        shifted += d * d;
        plain += x * x;
    }
    out->first = first;
    out->sum = sum;
    out->shifted_squares = shifted;
    out->squares = plain;
    // Float32 differences are far too large for their squares to vanish in float64. NaN counts as different.
    out->is_constant = shifted == 0;
}

CK_CLONES void CK_row_means(const float *values, float *means, int64_t rows, int64_t length) {
    for (int64_t row = 0; row < rows; row++) {
        const float *x = values + row * length;
        wide sums = {0};
        int64_t i = 0;
        for (; i + LANES <= length; i += LANES) sums += __builtin_convertvector(LOAD(x + i), wide);
        double sum = total(&sums);
        for (; i < length; i++) sum += x[i];
        means[row] = (float)(sum / (double)length);
    }
}

enum operation { PRODUCT, DIFFERENCE, CENTERED };

static inline __attribute__((always_inline)) void add_chunk(
    const enum operation operation, const int rows, const int columns, const CK_PairTile *tile, int64_t start, int64_t count,
    double *sums) {
    const float *left[2] = {tile->left[0] + start, tile->left[1] + start};
    const float *right[2] = {tile->right[0] + start, tile->right[1] + start};
    vector partial[4] = {{0}};
    double rest[4] = {0};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int c = 0; c < columns; c++) {
                vector a = LOAD(left[r] + i), b = LOAD(right[c] + i);
                if (operation == DIFFERENCE) {
                    vector d = a - b;
                    partial[2 * r + c] += d * d;
                } else if (operation == CENTERED) {
                    partial[2 * r + c] += (a - tile->left_shift[r]) * (b - tile->right_shift[c]);
                } else {
                    partial[2 * r + c] += a * b;
                }
            }
    }
    for (; i < count; i++)
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) {
                float a = left[r][i], b = right[c][i], d = a - b;
                rest[2 * r + c] += operation == DIFFERENCE ? d * d
                    : operation == CENTERED ? (a - tile->left_shift[r]) * (b - tile->right_shift[c]) : a * b;
            }
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            wide lanes = __builtin_convertvector(partial[2 * r + c], wide);
            sums[2 * r + c] += total(&lanes) + rest[2 * r + c];
        }
}

#define ADD(operation)                                                                                          \
    switch (tile->rows * 2 + tile->columns) {                                                                   \
    case 3: add_chunk(operation, 1, 1, tile, start, length, sums); break;                                       \
    case 4: add_chunk(operation, 1, 2, tile, start, length, sums); break;                                       \
    case 5: add_chunk(operation, 2, 1, tile, start, length, sums); break;                                       \
    default: add_chunk(operation, 2, 2, tile, start, length, sums); break;                                      \
    }

CK_CLONES void CK_pair_sums(const CK_PairSums *work, int64_t segment) {
    int64_t begin = segment * CK_PAIR_SEGMENT, end = begin + CK_PAIR_SEGMENT;
    if (end > work->dimension) end = work->dimension;
    for (int64_t start = begin; start < end; start += CHUNK) {
        int64_t length = end - start < CHUNK ? end - start : CHUNK;
        for (int64_t index = 0; index < work->tile_count; index++) {
            const CK_PairTile *tile = work->tiles + index;
            double *sums = work->sums + (segment * work->tile_count + index) * 12;
            if (work->products) ADD(PRODUCT)
            sums += 4;
            if (work->differences) ADD(DIFFERENCE)
            sums += 4;
            if (work->centered) ADD(CENTERED)
        }
    }
}
