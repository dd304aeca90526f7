// A 2x2 convolution of a map doubled by nearest neighbour, as sums of four 1x1 convolutions; see CKernels.h.
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
