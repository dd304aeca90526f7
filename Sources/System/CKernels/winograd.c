// 3x3 convolutions by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016, section 4.1): a 4x4 tile of outputs
// costs 36 multiplications a channel instead of 144. See CKernels.h for the three steps.
//
// The interpolation points are 0, +-P, +-Q and infinity. P = 5/8 and Q = 3/2 lose less to rounding than the textbook's 1
// and 2 and their powers are still exact in float32.
#include "CKernels.h"
#include "clones.h"

#define P 0.625f
#define Q 1.5f
#define P2 (P * P)
#define Q2 (Q * Q)

// Named, not cloned: only a function that says so gets 512-bit vectors, and that attribute excludes target_clones.
// Callers use 16 lanes where the processor has AVX-512 (x86-64-v4) only.
#define NAME(x) x##_16
#define LANES 16
#define ROWS 14
#if defined(__x86_64__)
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#else
#define TARGET
#endif
#include "winograd_lanes.h"
#undef NAME
#undef LANES
#undef ROWS
#undef TARGET

#define NAME(x) x##_8
#define LANES 8
#define ROWS 6
#define TARGET CK_CLONES
#include "winograd_lanes.h"

void CK_winograd_gather(const CK_Winograd *work, int64_t index) {
    if (work->lanes == 16) gather_16(work, index);
    else gather_8(work, index);
}

void CK_winograd_multiply(const CK_Winograd *work, int64_t index) {
    if (work->lanes == 16) multiply_16(work, index);
    else multiply_8(work, index);
}

void CK_winograd_scatter(const CK_Winograd *work, int64_t index) {
    if (work->lanes == 16) scatter_16(work, index);
    else scatter_8(work, index);
}

// r = G g in double: a kernel is transformed once and used for every tile.
static inline __attribute__((always_inline)) void transform_kernel(double g0, double g1, double g2, double r[6]) {
    const double p2 = (double)P * P, q2 = (double)Q * Q;
    const double over_p = 1 / (2 * p2 * (p2 - q2)), over_q = 1 / (2 * q2 * (q2 - p2));
    double even_p = (g0 + p2 * g2) * over_p, odd_p = P * g1 * over_p;
    double even_q = (g0 + q2 * g2) * over_q, odd_q = Q * g1 * over_q;
    r[0] = g0 / (p2 * q2);
    r[1] = even_p + odd_p;
    r[2] = even_p - odd_p;
    r[3] = even_q + odd_q;
    r[4] = even_q - odd_q;
    r[5] = g2;
}

// One lane at a time would store to 36 streams a float each; so all lanes of an (input, output block) go together.
CK_CLONES void CK_winograd_weights(
    const float *kernels, float *weights, int64_t inputs, int64_t outputs, int64_t lanes, int64_t index) {
    const int64_t size = inputs * outputs;
    for (int64_t c = 0; c < inputs; c++) {
        float all[36][16];
        for (int64_t l = 0; l < lanes; l++) {
            const float *g = kernels + ((index * lanes + l) * inputs + c) * 9;
            double half[6][3], full[6];
            for (int x = 0; x < 3; x++) {
                transform_kernel(g[x], g[3 + x], g[6 + x], full);
                for (int i = 0; i < 6; i++) half[i][x] = full[i];
            }
            for (int i = 0; i < 6; i++) {
                transform_kernel(half[i][0], half[i][1], half[i][2], full);
                for (int j = 0; j < 6; j++) all[i * 6 + j][l] = (float)full[j];
            }
        }
        float *to = weights + (index * inputs + c) * lanes;
        for (int position = 0; position < 36; position++)
            for (int64_t l = 0; l < lanes; l++) to[position * size + l] = all[position][l];
    }
}

// G g G^T of all lanes of one input channel.
static inline __attribute__((always_inline)) void transform_lanes(
    const CK_WinogradKernels *work, const float *kernel, float *to, int64_t lanes) {
    const int64_t tap = lanes * lanes, size = work->inputs * work->outputs;
    float all[36][16];
    for (int64_t l = 0; l < lanes; l++) {
        double half[6][3], full[6], g[9];
        for (int t = 0; t < 9; t++) g[t] = kernel[(work->is_flipped ? 8 - t : t) * tap + l];
        for (int x = 0; x < 3; x++) {
            transform_kernel(g[x], g[3 + x], g[6 + x], full);
            for (int i = 0; i < 6; i++) half[i][x] = full[i];
        }
        for (int i = 0; i < 6; i++) {
            transform_kernel(half[i][0], half[i][1], half[i][2], full);
            for (int j = 0; j < 6; j++) all[i * 6 + j][l] = (float)full[j];
        }
    }
    for (int position = 0; position < 36; position++)
        for (int64_t l = 0; l < lanes; l++) to[position * size + l] = all[position][l];
}

CK_CLONES void CK_winograd_blocked_weights(const CK_WinogradKernels *work, int64_t index) {
    int64_t lanes = work->lanes;
    for (int64_t c = 0; c < work->inputs; c++) {
        const float *kernel = work->kernels + index * work->output_stride + c / lanes * work->input_stride +
                              c % lanes * lanes;
        float *to = work->weights + (index * work->inputs + c) * lanes;
        if (lanes == 16) transform_lanes(work, kernel, to, 16);
        else transform_lanes(work, kernel, to, 8);
    }
}
