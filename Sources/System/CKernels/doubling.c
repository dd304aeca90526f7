// Convolutions of a map doubled by nearest neighbour, as sums of 1x1 convolutions, of four for 2x2 kernels and of nine for
// 3x3; see CKernels.h.
#include "CKernels.h"
#include "clones.h"

static const float zeros[16];

CK_CLONES void CK_doubling(const CK_Doubling *work, int64_t index) {
    int64_t blocks = work->blocks, lanes = work->lanes, height = work->height, width = work->width;
    int64_t image = index / blocks, block = index % blocks;
    int64_t row = width * lanes, map = height * row;
    const float *tap[4], *bias = work->bias + block * lanes;
    for (int t = 0; t < 4; t++) tap[t] = work->products + ((image * 4 + t) * blocks + block) * map;
    float *to = work->destination + index * 4 * map;
    // The lower taps of every second row, and the right ones of every second column, read the next value of the map.
    for (int64_t y = 0; y < 2 * height; y++)
        for (int64_t x = 0; x < width; x++, to += 2 * lanes) {
            int64_t below = (y + 1) / 2, right = x + 1;
            int hasBelow = below < height, hasRight = right < width;
            const float *a = tap[0] + y / 2 * row + x * lanes, *b = tap[1] + y / 2 * row + x * lanes;
            const float *c = hasBelow ? tap[2] + below * row + x * lanes : zeros;
            const float *d = hasBelow ? tap[3] + below * row + x * lanes : zeros;
            const float *next = hasRight ? tap[1] + y / 2 * row + right * lanes : zeros;
            const float *nextBelow = hasRight && hasBelow ? tap[3] + below * row + right * lanes : zeros;
            for (int64_t l = 0; l < lanes; l++) {
                float left = a[l] + c[l] + bias[l];
                float even = left + (b[l] + d[l]), odd = left + (next[l] + nextBelow[l]);
                even = even < work->floor ? work->floor : even;
                odd = odd < work->floor ? work->floor : odd;
                to[l] = even > work->cap ? work->cap : even;
                to[lanes + l] = odd > work->cap ? work->cap : odd;
            }
        }
}

// The map's rows of the nine products that two output rows are made of; `near` is the row above or below, all zeros beyond
// the map.
typedef struct {
    const float *sum[3], *own[3], *near[3];
    int64_t near_step;
} Rows;

// One output row. Column by column the row's three sums s, a and b; an even output needs a of the column before, an odd one
// b of the column behind, so that it is finished a column later.
static inline __attribute__((always_inline)) void sum_row(
    const CK_Doubling *work, Rows rows, const float *bias, float *to, const int lanes) {
    float before[16] = {0}, held[16] = {0}, spare[16];
    for (int64_t x = 0; x < work->width; x++) {
        int64_t at = x * lanes, near = x * rows.near_step;
        float *even = to + 2 * at, *odd = x > 0 ? even - lanes : spare;
        for (int l = 0; l < lanes; l++) {
            float s = rows.sum[0][at + l] + (rows.near[0][near + l] - rows.own[0][at + l]);
            float a = rows.sum[1][at + l] + (rows.near[1][near + l] - rows.own[1][at + l]);
            float b = rows.sum[2][at + l] + (rows.near[2][near + l] - rows.own[2][at + l]);
            float value = s + (before[l] - a) + bias[l], late = held[l] + b;
            value = value < work->floor ? work->floor : value;
            late = late < work->floor ? work->floor : late;
            even[l] = value > work->cap ? work->cap : value;
            odd[l] = late > work->cap ? work->cap : late;
            before[l] = a;
            held[l] = s - b + bias[l];
        }
    }
    float *odd = to + (2 * work->width - 1) * lanes;
    for (int l = 0; l < lanes; l++) {
        float late = held[l] < work->floor ? work->floor : held[l];
        odd[l] = late > work->cap ? work->cap : late;
    }
}

static inline __attribute__((always_inline)) void sum_band(const CK_Doubling *work, int64_t index, const int lanes) {
    int64_t height = work->height, row = work->width * lanes, map = height * row;
    int64_t bands = (height + work->band - 1) / work->band, first = index % bands * work->band;
    int64_t last = first + work->band < height ? first + work->band : height;
    int64_t plane = index / bands, image = plane / work->blocks, block = plane % work->blocks;
    const float *bias = work->bias + block * lanes;
    for (int64_t y = first; y < last; y++)
        for (int odd = 0; odd < 2; odd++) {
            int64_t other = odd ? y + 1 : y - 1;
            int hasNear = other >= 0 && other < height;
            Rows rows = {.near_step = hasNear ? lanes : 0};
            for (int c = 0; c < 3; c++) {
                const float *sums = work->products + ((image * 9 + c) * work->blocks + block) * map;
                const float *taps = sums + (odd ? 6 : 3) * work->blocks * map;
                rows.sum[c] = sums + y * row;
                rows.own[c] = taps + y * row;
                rows.near[c] = hasNear ? taps + other * row : zeros;
            }
            sum_row(work, rows, bias, work->destination + plane * 4 * map + (2 * y + odd) * 2 * row, lanes);
        }
}

CK_CLONES void CK_doubling3(const CK_Doubling *work, int64_t index) {
    if (work->lanes == 16) sum_band(work, index, 16);
    else sum_band(work, index, 8);
}

CK_CLONES void CK_doubling_backward(const CK_DoublingBackward *work, int64_t index) {
    int64_t blocks = work->blocks, lanes = work->lanes, height = work->height, width = work->width;
    int64_t image = index / blocks, block = index % blocks;
    int64_t row = 2 * width * lanes, map = height * width * lanes;
    const float *from = work->gradient + index * 4 * map;
    for (int t = 0; t < 4; t++) {
        float *to = work->products_gradient + ((image * 4 + t) * blocks + block) * map;
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++, to += lanes) {
                // A tap's products reach the two rows and columns that end at, or follow, the map's own.
                int64_t first = 2 * y - t / 2, left = 2 * x - t % 2;
                const float *b = from + (first + 1) * row + (left + 1) * lanes;
                const float *a = left >= 0 ? b - lanes : zeros;
                const float *d = first >= 0 ? b - row : zeros;
                const float *c = first >= 0 && left >= 0 ? b - row - lanes : zeros;
                for (int64_t l = 0; l < lanes; l++) to[l] = (c[l] + d[l]) + (a[l] + b[l]);
            }
    }
}
