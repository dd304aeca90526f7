// One C interface over oneDNN 2 and 3, whose own interfaces differ (operation descriptors exist in 2 only), plus the
// few things Swift cannot import: macros such as DNNL_MEMORY_ALLOCATE, and libgomp's calls. Only what the Engine uses.
//
// All functions that can fail return 0 on success and a dnnl_status_t otherwise; CDNN_status_text names it.
// Every *_create has a *_destroy; nothing else owns memory.
#ifndef CONEDNN_H
#define CONEDNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- the library ----
int CDNN_version(void);                 // major * 10000 + minor * 100 + patch
const char *CDNN_status_text(int status);
int CDNN_vector_width(void);            // floats in a vector register of the instruction set in use: 16, 8 or 4
void CDNN_set_threads(int threads);     // for this thread's next primitives and runs
int CDNN_sgemm(int64_t m, int64_t n, int64_t k, const float *a, const float *b, float *c);  // row-major c = a b

// ---- engine and stream ----
typedef struct CDNN_stream CDNN_stream;
int CDNN_stream_create(CDNN_stream **out);
int CDNN_stream_wait(CDNN_stream *stream);
void CDNN_stream_destroy(CDNN_stream *stream);

// ---- layouts: the memory descriptor of a float32 tensor ----
typedef struct CDNN_layout CDNN_layout;
enum {
    CDNN_PLAIN = 0,          // row-major: NCHW for maps, OIHW (or GOIHW) for kernels
    CDNN_CHANNELS_LAST = 1,  // NHWC
    CDNN_BLOCKED_16 = 2,     // nChw16c
    CDNN_BLOCKED_8 = 3,      // nChw8c
    CDNN_ANY = 4,            // the primitive chooses
    // Kernels in blocks of channels, the last axis innermost.
    CDNN_KERNEL_16I16O = 5, CDNN_KERNEL_16O16I = 6, CDNN_KERNEL_8I8O = 7, CDNN_KERNEL_8O8I = 8,
};
int CDNN_layout_create(int rank, const int64_t *dims, int order, CDNN_layout **out);
int CDNN_layout_copy(const CDNN_layout *layout, CDNN_layout **out);
size_t CDNN_layout_bytes(const CDNN_layout *layout);
int CDNN_layout_equal(const CDNN_layout *a, const CDNN_layout *b);
void CDNN_layout_destroy(CDNN_layout *layout);

// ---- primitives ----
typedef struct CDNN_primitive CDNN_primitive;
enum {
    CDNN_SOURCE = 0, CDNN_SOURCE_2, CDNN_WEIGHTS, CDNN_BIAS, CDNN_DESTINATION,
    // What training adds: gradients, a normalisation's statistics and parameters, and what forward keeps for backward.
    CDNN_DIFF_SOURCE, CDNN_DIFF_WEIGHTS, CDNN_DIFF_BIAS, CDNN_DIFF_DESTINATION, CDNN_MEAN, CDNN_VARIANCE, CDNN_SCALE,
    CDNN_SHIFT, CDNN_DIFF_SCALE, CDNN_DIFF_SHIFT, CDNN_WORKSPACE,
    CDNN_SCRATCHPAD, CDNN_SOURCES
};
typedef enum {
    CDNN_IDENTITY = 0, CDNN_RELU, CDNN_RELU_CAPPED, CDNN_GELU_ERF, CDNN_GELU_TANH, CDNN_SIGMOID, CDNN_SWISH, CDNN_TANH,
    CDNN_ELU, CDNN_HARD_SWISH, CDNN_CLIP, CDNN_LINEAR, CDNN_SOFTPLUS, CDNN_POWER,
} CDNN_ActivationKind;

// What is applied to a primitive's result: first result += what the destination held (sum), then the activation.
typedef struct {
    int sums;                // 1: add to the destination's content
    int activation;          // one of the list above
    float alpha, beta;       // its parameters
} CDNN_post;

typedef struct {
    const CDNN_layout *source, *destination;  // both N,C,H,W
    int64_t kernel[2], stride[2], dilation[2], before[2], after[2];  // rows, columns; dilation 1 = dense
    int64_t groups;
    int has_bias, transposed;
    CDNN_post post;
} CDNN_convolution;
int CDNN_convolution_create(CDNN_stream *stream, const CDNN_convolution *spec, CDNN_primitive **out);

typedef enum { CDNN_POOL_MAX = 0, CDNN_POOL_AVERAGE_WITH_PADDING, CDNN_POOL_AVERAGE } CDNN_PoolingKind;
typedef struct {
    const CDNN_layout *source, *destination;
    int kind;
    int64_t kernel[2], stride[2], before[2], after[2];
} CDNN_pooling;
int CDNN_pooling_create(CDNN_stream *stream, const CDNN_pooling *spec, CDNN_primitive **out);

int CDNN_activation_create(
    CDNN_stream *stream, const CDNN_layout *layout, int activation, float alpha, float beta, CDNN_primitive **out);

typedef enum { CDNN_ADD = 0, CDNN_MULTIPLY } CDNN_BinaryKind;
int CDNN_binary_create(
    CDNN_stream *stream, int kind, const CDNN_layout *a, const CDNN_layout *b, const CDNN_layout *destination,
    CDNN_post post, CDNN_primitive **out);

typedef enum { CDNN_NEAREST = 0, CDNN_BILINEAR } CDNN_ResamplingKind;
int CDNN_resampling_create(
    CDNN_stream *stream, int kind, const CDNN_layout *source, const CDNN_layout *destination, CDNN_primitive **out);

int CDNN_concat_create(
    CDNN_stream *stream, int count, const CDNN_layout *const *sources, const CDNN_layout *destination,
    CDNN_primitive **out);

int CDNN_reorder_create(
    CDNN_stream *stream, const CDNN_layout *source, const CDNN_layout *destination, CDNN_primitive **out);

// ---- training: forward primitives that keep what backward needs, and backward primitives ----
// A backward primitive is made with the forward one as its hint; the same spec describes both.

// The forward kernel for training. `weights` fixes the layout of the weights; NULL lets the kernel choose.
int CDNN_convolution_training_create(
    CDNN_stream *stream, const CDNN_convolution *spec, const CDNN_layout *weights, CDNN_primitive **out);
// Gradient of the source from that of the destination and the weights (whose layout it chooses).
int CDNN_convolution_backward_data_create(
    CDNN_stream *stream, const CDNN_convolution *spec, const CDNN_primitive *forward, CDNN_primitive **out);
// Gradients of weights (whose layout it chooses) and bias from the source and the destination's gradient.
int CDNN_convolution_backward_weights_create(
    CDNN_stream *stream, const CDNN_convolution *spec, const CDNN_primitive *forward, CDNN_primitive **out);

int CDNN_pooling_training_create(CDNN_stream *stream, const CDNN_pooling *spec, CDNN_primitive **out);
int CDNN_pooling_backward_create(
    CDNN_stream *stream, const CDNN_pooling *spec, const CDNN_primitive *forward, CDNN_primitive **out);

// Batch normalisation, with scale and shift as separate vectors; given statistics are read, others are written.
typedef struct {
    const CDNN_layout *layout;
    float epsilon;
    int has_given_statistics, has_relu;
} CDNN_batch_norm;
int CDNN_batch_norm_training_create(CDNN_stream *stream, const CDNN_batch_norm *spec, CDNN_primitive **out);
int CDNN_batch_norm_backward_create(
    CDNN_stream *stream, const CDNN_batch_norm *spec, const CDNN_primitive *forward, CDNN_primitive **out);

// Gradient of an activation from its source.
int CDNN_activation_backward_create(
    CDNN_stream *stream, const CDNN_layout *layout, int activation, float alpha, float beta, CDNN_primitive **out);

int CDNN_resampling_backward_create(
    CDNN_stream *stream, int kind, const CDNN_layout *source, const CDNN_layout *destination, CDNN_primitive **out);

// The layout a primitive chose for a role; NULL when it has none. Valid while the primitive lives.
const CDNN_layout *CDNN_primitive_layout(const CDNN_primitive *primitive, int role);
const char *CDNN_primitive_name(const CDNN_primitive *primitive);  // the kernel's name, such as jit:avx512_core
void CDNN_primitive_destroy(CDNN_primitive *primitive);

// ---- steps: a primitive with its memory ----
typedef struct CDNN_step CDNN_step;
typedef struct {
    int role;      // CDNN_SOURCES + i for the i-th input of a concat
    void *data;
} CDNN_argument;
int CDNN_step_create(
    CDNN_stream *stream, CDNN_primitive *primitive, const CDNN_argument *arguments, int count, CDNN_step **out);
int CDNN_step_set(CDNN_step *step, int role, void *data);
int CDNN_step_run(CDNN_step *step, CDNN_stream *stream);
void CDNN_step_destroy(CDNN_step *step);

// ---- threads: the kernels' own pool ----
// Splits 0..<count into one run of neighbours a thread and calls body(context, first, end) for each on oneDNN's OpenMP
// threads, so that no second pool competes with it.
void CDNN_parallel(
    int64_t count, int threads, void (*body)(void *context, int64_t first, int64_t end), void *context);

#ifdef __cplusplus
}
#endif
#endif
