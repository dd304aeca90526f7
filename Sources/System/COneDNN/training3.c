// Training primitives of oneDNN 3, which has no operation descriptors: the primitive descriptor is made at once.
#include "internal.h"
#if DNNL_VERSION_MAJOR >= 3
#define FLAGS (dnnl_use_scale | dnnl_use_shift)
#define CHANNELS(layout) channels_of(layout)

static int64_t channels_of(const CDNN_layout *layout) {
    const dnnl_dims_t *dims = NULL;
    dnnl_memory_desc_query(layout->desc, dnnl_query_dims, (void *)&dims);
    return dims ? (*dims)[1] : 0;
}

static int plain_attributes(dnnl_primitive_attr_t *out) {
    static const CDNN_post no_post = {0, CDNN_IDENTITY, 0, 0};
    return CDNN_make_attributes(no_post, out);
}

// Sizes and paddings of a convolution, its attributes, and the descriptors of its weights and bias.
typedef struct {
    dnnl_memory_desc_t weights, bias, bias_or_none;
    dnnl_primitive_attr_t attributes;
    dnnl_dims_t strides, gaps, before, after;
} Geometry;

static void release(Geometry *g) {
    if (g->weights) dnnl_memory_desc_destroy(g->weights);
    if (g->bias) dnnl_memory_desc_destroy(g->bias);
    if (g->attributes) dnnl_primitive_attr_destroy(g->attributes);
}

static int geometry_of(const CDNN_convolution *spec, Geometry *out) {
    memset(out, 0, sizeof *out);
    int64_t outputs = channels_of(spec->destination), inputs = channels_of(spec->source), g = spec->groups;
    dnnl_dims_t grouped = {g, outputs / g, inputs / g, spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t dense = {outputs, inputs, spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t bias_dims = {outputs};
    for (int i = 0; i < 2; i++) {
        out->strides[i] = spec->stride[i];
        out->gaps[i] = spec->dilation[i] - 1;
        out->before[i] = spec->before[i];
        out->after[i] = spec->after[i];
    }
    int status = dnnl_memory_desc_create_with_tag(
        &out->weights, g > 1 ? 5 : 4, g > 1 ? grouped : dense, dnnl_f32, dnnl_format_tag_any);
    if (status == dnnl_success)
        status = dnnl_memory_desc_create_with_tag(&out->bias, 1, bias_dims, dnnl_f32, dnnl_a);
    if (status == dnnl_success) status = plain_attributes(&out->attributes);
    if (spec->has_bias) out->bias_or_none = out->bias;
    if (status != dnnl_success) release(out);
    return status;
}

int CDNN_convolution_training_create(
    CDNN_stream *stream, const CDNN_convolution *spec, const CDNN_layout *weights, CDNN_primitive **out) {
    Geometry g;
    dnnl_primitive_desc_t desc = NULL;
    TRY(geometry_of(spec, &g));
    const_dnnl_memory_desc_t chosen = weights ? weights->desc : g.weights;
    int status = spec->transposed
                     ? dnnl_deconvolution_forward_primitive_desc_create(
                           &desc, stream->engine, dnnl_forward_training, dnnl_deconvolution_direct, spec->source->desc,
                           chosen, g.bias_or_none, spec->destination->desc, g.strides, g.gaps, g.before, g.after,
                           g.attributes)
                     : dnnl_convolution_forward_primitive_desc_create(
                           &desc, stream->engine, dnnl_forward_training, dnnl_convolution_direct, spec->source->desc,
                           chosen, g.bias_or_none, spec->destination->desc, g.strides, g.gaps, g.before, g.after,
                           g.attributes);
    release(&g);
    return status == dnnl_success ? CDNN_finish(desc, KIND_PLAIN, out) : status;
}

int CDNN_convolution_backward_data_create(
    CDNN_stream *stream, const CDNN_convolution *spec, const CDNN_primitive *forward, CDNN_primitive **out) {
    Geometry g;
    dnnl_primitive_desc_t desc = NULL;
    TRY(geometry_of(spec, &g));
    int status = spec->transposed
                     ? dnnl_deconvolution_backward_data_primitive_desc_create(
                           &desc, stream->engine, dnnl_deconvolution_direct, spec->source->desc, g.weights,
                           spec->destination->desc, g.strides, g.gaps, g.before, g.after, CDNN_descriptor(forward),
                           g.attributes)
                     : dnnl_convolution_backward_data_primitive_desc_create(
                           &desc, stream->engine, dnnl_convolution_direct, spec->source->desc, g.weights,
                           spec->destination->desc, g.strides, g.gaps, g.before, g.after, CDNN_descriptor(forward),
                           g.attributes);
    release(&g);
    return status == dnnl_success ? CDNN_finish(desc, KIND_PLAIN, out) : status;
}

int CDNN_convolution_backward_weights_create(
    CDNN_stream *stream, const CDNN_convolution *spec, const CDNN_primitive *forward, CDNN_primitive **out) {
    Geometry g;
    dnnl_primitive_desc_t desc = NULL;
    TRY(geometry_of(spec, &g));
    int status = spec->transposed
                     ? dnnl_deconvolution_backward_weights_primitive_desc_create(
                           &desc, stream->engine, dnnl_deconvolution_direct, spec->source->desc, g.weights,
                           g.bias_or_none, spec->destination->desc, g.strides, g.gaps, g.before, g.after,
                           CDNN_descriptor(forward), g.attributes)
                     : dnnl_convolution_backward_weights_primitive_desc_create(
                           &desc, stream->engine, dnnl_convolution_direct, spec->source->desc, g.weights,
                           g.bias_or_none, spec->destination->desc, g.strides, g.gaps, g.before, g.after,
                           CDNN_descriptor(forward), g.attributes);
    release(&g);
    return status == dnnl_success ? CDNN_finish(desc, KIND_PLAIN, out) : status;
}

static const dnnl_alg_kind_t pooling_kinds[] = {
    dnnl_pooling_max, dnnl_pooling_avg_include_padding, dnnl_pooling_avg_exclude_padding};

int CDNN_pooling_training_create(CDNN_stream *stream, const CDNN_pooling *spec, CDNN_primitive **out) {
    dnnl_dims_t strides = {spec->stride[0], spec->stride[1]}, kernel = {spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t before = {spec->before[0], spec->before[1]}, after = {spec->after[0], spec->after[1]}, gaps = {0, 0};
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(plain_attributes(&attributes));
    int status = dnnl_pooling_forward_primitive_desc_create(
        &desc, stream->engine, dnnl_forward_training, pooling_kinds[spec->kind], spec->source->desc,
        spec->destination->desc, strides, kernel, gaps, before, after, attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? CDNN_finish(desc, KIND_PLAIN, out) : status;
}

int CDNN_pooling_backward_create(
    CDNN_stream *stream, const CDNN_pooling *spec, const CDNN_primitive *forward, CDNN_primitive **out) {
    dnnl_dims_t strides = {spec->stride[0], spec->stride[1]}, kernel = {spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t before = {spec->before[0], spec->before[1]}, after = {spec->after[0], spec->after[1]}, gaps = {0, 0};
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(plain_attributes(&attributes));
    int status = dnnl_pooling_backward_primitive_desc_create(
        &desc, stream->engine, pooling_kinds[spec->kind], spec->source->desc, spec->destination->desc, strides, kernel,
        gaps, before, after, CDNN_descriptor(forward), attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? CDNN_finish(desc, KIND_PLAIN, out) : status;
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
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(plain_attributes(&attributes));
    int status = dnnl_batch_normalization_forward_primitive_desc_create(
        &desc, stream->engine, dnnl_forward_training, spec->layout->desc, spec->layout->desc, spec->epsilon,
        (unsigned)norm_flags(spec), attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? finish_norm(spec, desc, out) : status;
}

int CDNN_batch_norm_backward_create(
    CDNN_stream *stream, const CDNN_batch_norm *spec, const CDNN_primitive *forward, CDNN_primitive **out) {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(plain_attributes(&attributes));
    int status = dnnl_batch_normalization_backward_primitive_desc_create(
        &desc, stream->engine, dnnl_backward, spec->layout->desc, spec->layout->desc, spec->layout->desc, spec->epsilon,
        (unsigned)norm_flags(spec), CDNN_descriptor(forward), attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? finish_norm(spec, desc, out) : status;
}

int CDNN_activation_backward_create(
    CDNN_stream *stream, const CDNN_layout *layout, int activation, float alpha, float beta, CDNN_primitive **out) {
    dnnl_alg_kind_t kind = CDNN_activation_kind(activation);
    float last = activation == CDNN_SOFTPLUS ? 0 : beta;
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t forward = NULL, desc = NULL;
    TRY(plain_attributes(&attributes));
    int status = dnnl_eltwise_forward_primitive_desc_create(
        &forward, stream->engine, dnnl_forward_training, kind, layout->desc, layout->desc, alpha, last, attributes);
    if (status == dnnl_success)
        status = dnnl_eltwise_backward_primitive_desc_create(
            &desc, stream->engine, kind, layout->desc, layout->desc, layout->desc, alpha, last, forward, attributes);
    if (forward) dnnl_primitive_desc_destroy(forward);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? CDNN_finish(desc, KIND_PLAIN, out) : status;
}

int CDNN_resampling_backward_create(
    CDNN_stream *stream, int kind, const CDNN_layout *source, const CDNN_layout *destination, CDNN_primitive **out) {
    dnnl_alg_kind_t algorithm = kind == CDNN_NEAREST ? dnnl_resampling_nearest : dnnl_resampling_linear;
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t forward = NULL, desc = NULL;
    TRY(plain_attributes(&attributes));
    int status = dnnl_resampling_forward_primitive_desc_create(
        &forward, stream->engine, dnnl_forward_training, algorithm, NULL, source->desc, destination->desc, attributes);
    if (status == dnnl_success)
        status = dnnl_resampling_backward_primitive_desc_create(
            &desc, stream->engine, algorithm, NULL, source->desc, destination->desc, forward, attributes);
    if (forward) dnnl_primitive_desc_destroy(forward);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? CDNN_finish(desc, KIND_PLAIN, out) : status;
}
#endif
