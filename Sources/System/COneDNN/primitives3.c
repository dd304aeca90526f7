// Primitives of oneDNN 3, which has no operation descriptors: the primitive descriptor is made at once.
#include "internal.h"
#if DNNL_VERSION_MAJOR >= 3

static const CDNN_post no_post = {0, CDNN_IDENTITY, 0, 0};

static int64_t channels_of(const CDNN_layout *layout) {
    const dnnl_dims_t *dims = NULL;
    dnnl_memory_desc_query(layout->desc, dnnl_query_dims, (void *)&dims);
    return dims ? (*dims)[1] : 0;
}

static int weights_desc(const CDNN_convolution *spec, dnnl_memory_desc_t *weights, dnnl_memory_desc_t *bias) {
    int64_t outputs = channels_of(spec->destination), inputs = channels_of(spec->source), g = spec->groups;
    dnnl_dims_t grouped = {g, outputs / g, inputs / g, spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t dense = {outputs, inputs, spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t bias_dims = {outputs};
    TRY(dnnl_memory_desc_create_with_tag(weights, g > 1 ? 5 : 4, g > 1 ? grouped : dense, dnnl_f32, dnnl_format_tag_any));
    int status = dnnl_memory_desc_create_with_tag(bias, 1, bias_dims, dnnl_f32, dnnl_a);
    if (status != dnnl_success) dnnl_memory_desc_destroy(*weights);
    return status;
}

int CDNN_convolution_create(CDNN_stream *stream, const CDNN_convolution *spec, CDNN_primitive **out) {
    dnnl_memory_desc_t weights, bias;
    TRY(weights_desc(spec, &weights, &bias));
    dnnl_dims_t strides = {spec->stride[0], spec->stride[1]};
    dnnl_dims_t gaps = {spec->dilation[0] - 1, spec->dilation[1] - 1};
    dnnl_dims_t before = {spec->before[0], spec->before[1]}, after = {spec->after[0], spec->after[1]};
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t desc = NULL;
    int status = CDNN_make_attributes(spec->post, &attributes);
    if (status == dnnl_success && spec->transposed)
        status = dnnl_deconvolution_forward_primitive_desc_create(
            &desc, stream->engine, dnnl_forward_inference, dnnl_deconvolution_direct, spec->source->desc, weights,
            spec->has_bias ? bias : NULL, spec->destination->desc, strides, gaps, before, after, attributes);
    else if (status == dnnl_success)
        status = dnnl_convolution_forward_primitive_desc_create(
            &desc, stream->engine, dnnl_forward_inference, dnnl_convolution_direct, spec->source->desc, weights,
            spec->has_bias ? bias : NULL, spec->destination->desc, strides, gaps, before, after, attributes);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    dnnl_memory_desc_destroy(weights);
    dnnl_memory_desc_destroy(bias);
    return status == dnnl_success ? CDNN_finish(desc, KIND_PLAIN, out) : status;
}

int CDNN_pooling_create(CDNN_stream *stream, const CDNN_pooling *spec, CDNN_primitive **out) {
    static const dnnl_alg_kind_t kinds[] = {
        dnnl_pooling_max, dnnl_pooling_avg_include_padding, dnnl_pooling_avg_exclude_padding};
    dnnl_dims_t strides = {spec->stride[0], spec->stride[1]}, kernel = {spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t gaps = {0, 0};
    dnnl_dims_t before = {spec->before[0], spec->before[1]}, after = {spec->after[0], spec->after[1]};
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(CDNN_make_attributes(no_post, &attributes));
    int status = dnnl_pooling_forward_primitive_desc_create(
        &desc, stream->engine, dnnl_forward_inference, kinds[spec->kind], spec->source->desc, spec->destination->desc,
        strides, kernel, gaps, before, after, attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? CDNN_finish(desc, KIND_PLAIN, out) : status;
}

int CDNN_activation_create(
    CDNN_stream *stream, const CDNN_layout *layout, int activation, float alpha, float beta, CDNN_primitive **out) {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(CDNN_make_attributes(no_post, &attributes));
    int status = dnnl_eltwise_forward_primitive_desc_create(
        &desc, stream->engine, dnnl_forward_inference, CDNN_activation_kind(activation), layout->desc, layout->desc,
        alpha, activation == CDNN_SOFTPLUS ? 0 : beta, attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? CDNN_finish(desc, KIND_PLAIN, out) : status;
}

int CDNN_binary_create(
    CDNN_stream *stream, int kind, const CDNN_layout *a, const CDNN_layout *b, const CDNN_layout *destination,
    CDNN_post post, CDNN_primitive **out) {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(CDNN_make_attributes(post, &attributes));
    int status = dnnl_binary_primitive_desc_create(
        &desc, stream->engine, kind == CDNN_ADD ? dnnl_binary_add : dnnl_binary_mul, a->desc, b->desc,
        destination->desc, attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? CDNN_finish(desc, KIND_BINARY, out) : status;
}

int CDNN_resampling_create(
    CDNN_stream *stream, int kind, const CDNN_layout *source, const CDNN_layout *destination, CDNN_primitive **out) {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(CDNN_make_attributes(no_post, &attributes));
    int status = dnnl_resampling_forward_primitive_desc_create(
        &desc, stream->engine, dnnl_forward_inference,
        kind == CDNN_NEAREST ? dnnl_resampling_nearest : dnnl_resampling_linear, NULL, source->desc, destination->desc,
        attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? CDNN_finish(desc, KIND_PLAIN, out) : status;
}

int CDNN_concat_create(
    CDNN_stream *stream, int count, const CDNN_layout *const *sources, const CDNN_layout *destination,
    CDNN_primitive **out) {
    if (count < 1 || count > MAX_ARGUMENTS - 2) return dnnl_invalid_arguments;
    const_dnnl_memory_desc_t list[MAX_ARGUMENTS];
    for (int i = 0; i < count; i++) list[i] = sources[i]->desc;
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(CDNN_make_attributes(no_post, &attributes));
    int status = dnnl_concat_primitive_desc_create(
        &desc, stream->engine, destination->desc, count, 1, list, attributes);
    dnnl_primitive_attr_destroy(attributes);
    TRY(status);
    TRY(CDNN_finish(desc, KIND_CONCAT, out));
    (*out)->sources = calloc((size_t)count, sizeof(CDNN_layout *));
    if (!(*out)->sources) return dnnl_out_of_memory;
    for (int i = 0; i < count; i++) TRY(CDNN_layout_copy(sources[i], &(*out)->sources[i]));
    (*out)->source_count = count;
    return 0;
}

int CDNN_reorder_create(
    CDNN_stream *stream, const CDNN_layout *source, const CDNN_layout *destination, CDNN_primitive **out) {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(CDNN_make_attributes(no_post, &attributes));
    int status = dnnl_reorder_primitive_desc_create(
        &desc, source->desc, stream->engine, destination->desc, stream->engine, attributes);
    dnnl_primitive_attr_destroy(attributes);
    TRY(status);
    return CDNN_finish(desc, KIND_REORDER, out);
}
#endif
