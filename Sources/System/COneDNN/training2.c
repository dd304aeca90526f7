// Training primitives of oneDNN 2: an operation descriptor first, then the primitive descriptor.
#include "internal.h"
#if DNNL_VERSION_MAJOR < 3
#define FLAGS (dnnl_use_scale | dnnl_use_shift)
#define CHANNELS(layout) ((layout)->desc.dims[1])

static int describe(
    CDNN_stream *stream, const_dnnl_op_desc_t operation, const CDNN_primitive *forward, dnnl_primitive_desc_t *out) {
    static const CDNN_post no_post = {0, CDNN_IDENTITY, 0, 0};
    dnnl_primitive_attr_t attributes;
    TRY(CDNN_make_attributes(no_post, &attributes));
    int status = dnnl_primitive_desc_create(
        out, operation, attributes, stream->engine, forward ? CDNN_descriptor(forward) : NULL);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

static int finish(
    CDNN_stream *stream, const_dnnl_op_desc_t operation, const CDNN_primitive *forward, CDNN_primitive **out) {
    dnnl_primitive_desc_t desc;
    TRY(describe(stream, operation, forward, &desc));
    return CDNN_finish(desc, KIND_PLAIN, out);
}

// Sizes and paddings of a convolution, and the descriptors of its weights and bias.
typedef struct {
    dnnl_memory_desc_t weights, bias;
    const dnnl_memory_desc_t *bias_or_none;
    dnnl_dims_t strides, gaps, before, after;
} Geometry;

static int geometry_of(const CDNN_convolution *spec, Geometry *out) {
    int64_t outputs = CHANNELS(spec->destination), inputs = CHANNELS(spec->source), g = spec->groups;
    dnnl_dims_t grouped = {g, outputs / g, inputs / g, spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t dense = {outputs, inputs, spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t bias_dims = {outputs};
    for (int i = 0; i < 2; i++) {
        out->strides[i] = spec->stride[i];
        out->gaps[i] = spec->dilation[i] - 1;
        out->before[i] = spec->before[i];
        out->after[i] = spec->after[i];
    }
    TRY(dnnl_memory_desc_init_by_tag(
        &out->weights, g > 1 ? 5 : 4, g > 1 ? grouped : dense, dnnl_f32, dnnl_format_tag_any));
    out->bias_or_none = spec->has_bias ? &out->bias : NULL;
    return dnnl_memory_desc_init_by_tag(&out->bias, 1, bias_dims, dnnl_f32, dnnl_a);
}

int CDNN_convolution_training_create(
    CDNN_stream *stream, const CDNN_convolution *spec, const CDNN_layout *weights, CDNN_primitive **out) {
    Geometry g;
    TRY(geometry_of(spec, &g));
    const dnnl_memory_desc_t *chosen = weights ? DESC(weights) : &g.weights;
    if (spec->transposed) {
        dnnl_deconvolution_desc_t operation;
        TRY(dnnl_dilated_deconvolution_forward_desc_init(
            &operation, dnnl_forward_training, dnnl_deconvolution_direct, DESC(spec->source), chosen, g.bias_or_none,
            DESC(spec->destination), g.strides, g.gaps, g.before, g.after));
        return finish(stream, &operation, NULL, out);
    }
    dnnl_convolution_desc_t operation;
    TRY(dnnl_dilated_convolution_forward_desc_init(
        &operation, dnnl_forward_training, dnnl_convolution_direct, DESC(spec->source), chosen, g.bias_or_none,
        DESC(spec->destination), g.strides, g.gaps, g.before, g.after));
    return finish(stream, &operation, NULL, out);
}

int CDNN_convolution_backward_data_create(
    CDNN_stream *stream, const CDNN_convolution *spec, const CDNN_primitive *forward, CDNN_primitive **out) {
    Geometry g;
    TRY(geometry_of(spec, &g));
    if (spec->transposed) {
        dnnl_deconvolution_desc_t operation;
        TRY(dnnl_dilated_deconvolution_backward_data_desc_init(
            &operation, dnnl_deconvolution_direct, DESC(spec->source), &g.weights, DESC(spec->destination), g.strides,
            g.gaps, g.before, g.after));
        return finish(stream, &operation, forward, out);
    }
    dnnl_convolution_desc_t operation;
    TRY(dnnl_dilated_convolution_backward_data_desc_init(
        &operation, dnnl_convolution_direct, DESC(spec->source), &g.weights, DESC(spec->destination), g.strides, g.gaps,
        g.before, g.after));
    return finish(stream, &operation, forward, out);
}

static int backward_weights_by(
    dnnl_alg_kind_t algorithm, CDNN_stream *stream, const CDNN_convolution *spec, const Geometry *g,
    const CDNN_primitive *forward, CDNN_primitive **out) {
    dnnl_convolution_desc_t operation;
    TRY(dnnl_dilated_convolution_backward_weights_desc_init(
        &operation, algorithm, DESC(spec->source), &g->weights, g->bias_or_none, DESC(spec->destination), g->strides,
        g->gaps, g->before, g->after));
    return finish(stream, &operation, forward, out);
}

// Winograd's gradient of 3x3 kernels, F(3x3, 4x4), takes a quarter of the multiplications. oneDNN 2 has it for AVX-512 and
// never takes it by itself; where it has none, or the shape does not suit it, this fails.
static int winograd_backward_weights(
    CDNN_stream *stream, const CDNN_convolution *spec, const Geometry *g, const CDNN_primitive *forward,
    CDNN_primitive **out) {
    int suits = spec->groups == 1;
    for (int i = 0; i < 2; i++)
        suits = suits && spec->kernel[i] == 3 && spec->stride[i] == 1 && spec->dilation[i] == 1;
    if (!suits) return dnnl_unimplemented;
    return backward_weights_by(dnnl_convolution_winograd, stream, spec, g, forward, out);
}

int CDNN_convolution_backward_weights_create(
    CDNN_stream *stream, const CDNN_convolution *spec, const CDNN_primitive *forward, CDNN_primitive **out) {
    Geometry g;
    TRY(geometry_of(spec, &g));
    if (spec->transposed) {
        dnnl_deconvolution_desc_t operation;
        TRY(dnnl_dilated_deconvolution_backward_weights_desc_init(
            &operation, dnnl_deconvolution_direct, DESC(spec->source), &g.weights, g.bias_or_none,
            DESC(spec->destination), g.strides, g.gaps, g.before, g.after));
        return finish(stream, &operation, forward, out);
    }
    if (winograd_backward_weights(stream, spec, &g, forward, out) == dnnl_success) return dnnl_success;
    return backward_weights_by(dnnl_convolution_direct, stream, spec, &g, forward, out);
}

static const dnnl_alg_kind_t pooling_kinds[] = {
    dnnl_pooling_max, dnnl_pooling_avg_include_padding, dnnl_pooling_avg_exclude_padding};

int CDNN_pooling_training_create(CDNN_stream *stream, const CDNN_pooling *spec, CDNN_primitive **out) {
    dnnl_dims_t strides = {spec->stride[0], spec->stride[1]}, kernel = {spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t before = {spec->before[0], spec->before[1]}, after = {spec->after[0], spec->after[1]};
    dnnl_pooling_desc_t operation;
    TRY(dnnl_pooling_forward_desc_init(
        &operation, dnnl_forward_training, pooling_kinds[spec->kind], DESC(spec->source), DESC(spec->destination),
        strides, kernel, before, after));
    return finish(stream, &operation, NULL, out);
}

int CDNN_pooling_backward_create(
    CDNN_stream *stream, const CDNN_pooling *spec, const CDNN_primitive *forward, CDNN_primitive **out) {
    dnnl_dims_t strides = {spec->stride[0], spec->stride[1]}, kernel = {spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t before = {spec->before[0], spec->before[1]}, after = {spec->after[0], spec->after[1]};
    dnnl_pooling_desc_t operation;
    TRY(dnnl_pooling_backward_desc_init(
        &operation, pooling_kinds[spec->kind], DESC(spec->source), DESC(spec->destination), strides, kernel, before,
        after));
    return finish(stream, &operation, forward, out);
}

static int norm_flags(const CDNN_batch_norm *spec) {
    return FLAGS | (spec->has_given_statistics ? dnnl_use_global_stats : 0) |
           (spec->has_relu ? dnnl_fuse_norm_relu : 0);
}

// Statistics, scale and shift are vectors of one number a channel, which the descriptor does not all tell.
static int add_vectors(const CDNN_batch_norm *spec, CDNN_primitive *primitive) {
    static const int roles[] = {CDNN_MEAN, CDNN_VARIANCE, CDNN_SCALE, CDNN_SHIFT, CDNN_DIFF_SCALE, CDNN_DIFF_SHIFT};
    int64_t channels = CHANNELS(spec->layout);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        TRY(CDNN_layout_create(1, &channels, CDNN_PLAIN, &primitive->layouts[roles[i]]));
    return 0;
}

static int finish_norm(const CDNN_batch_norm *spec, dnnl_primitive_desc_t desc, CDNN_primitive **out) {
    TRY(CDNN_finish(desc, KIND_NORM, out));
    int status = add_vectors(spec, *out);
    if (status != dnnl_success) {
        CDNN_primitive_destroy(*out);
        *out = NULL;
    }
    return status;
}

int CDNN_batch_norm_training_create(CDNN_stream *stream, const CDNN_batch_norm *spec, CDNN_primitive **out) {
    dnnl_batch_normalization_desc_t operation;
    dnnl_primitive_desc_t desc;
    TRY(dnnl_batch_normalization_forward_desc_init(
        &operation, dnnl_forward_training, DESC(spec->layout), spec->epsilon, (unsigned)norm_flags(spec)));
    TRY(describe(stream, &operation, NULL, &desc));
    return finish_norm(spec, desc, out);
}

int CDNN_batch_norm_backward_create(
    CDNN_stream *stream, const CDNN_batch_norm *spec, const CDNN_primitive *forward, CDNN_primitive **out) {
    dnnl_batch_normalization_desc_t operation;
    dnnl_primitive_desc_t desc;
    TRY(dnnl_batch_normalization_backward_desc_init(
        &operation, dnnl_backward, DESC(spec->layout), DESC(spec->layout), spec->epsilon, (unsigned)norm_flags(spec)));
    TRY(describe(stream, &operation, forward, &desc));
    return finish_norm(spec, desc, out);
}

int CDNN_activation_backward_create(
    CDNN_stream *stream, const CDNN_layout *layout, int activation, float alpha, float beta, CDNN_primitive **out) {
    dnnl_eltwise_desc_t operation;
    CDNN_primitive *forward = NULL;
    TRY(dnnl_eltwise_forward_desc_init(
        &operation, dnnl_forward_training, CDNN_activation_kind(activation), DESC(layout), alpha, beta));
    TRY(finish(stream, &operation, NULL, &forward));
    int status = dnnl_eltwise_backward_desc_init(
        &operation, CDNN_activation_kind(activation), DESC(layout), DESC(layout), alpha, beta);
    if (status == dnnl_success) status = finish(stream, &operation, forward, out);
    CDNN_primitive_destroy(forward);
    return status;
}

int CDNN_resampling_backward_create(
    CDNN_stream *stream, int kind, const CDNN_layout *source, const CDNN_layout *destination, CDNN_primitive **out) {
    dnnl_alg_kind_t algorithm = kind == CDNN_NEAREST ? dnnl_resampling_nearest : dnnl_resampling_linear;
    dnnl_resampling_desc_t operation;
    CDNN_primitive *forward = NULL;
    TRY(dnnl_resampling_forward_desc_init(
        &operation, dnnl_forward_training, algorithm, NULL, DESC(source), DESC(destination)));
    TRY(finish(stream, &operation, NULL, &forward));
    int status = dnnl_resampling_backward_desc_init(&operation, algorithm, NULL, DESC(source), DESC(destination));
    if (status == dnnl_success) status = finish(stream, &operation, forward, out);
    CDNN_primitive_destroy(forward);
    return status;
}
#endif
