// Primitives of oneDNN 2: an operation descriptor first, then the primitive descriptor.
#include "internal.h"
#if DNNL_VERSION_MAJOR < 3

static int finish_with(CDNN_stream *stream, const_dnnl_op_desc_t operation, CDNN_post post, int kind, CDNN_primitive **out) {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(CDNN_make_attributes(post, &attributes));
    int status = dnnl_primitive_desc_create(&desc, operation, attributes, stream->engine, NULL);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? CDNN_finish(desc, kind, out) : status;
}

static const CDNN_post no_post = {0, CDNN_IDENTITY, 0, 0};

static int weights_desc(const CDNN_convolution *spec, dnnl_memory_desc_t *weights, dnnl_memory_desc_t *bias) {
    int64_t outputs = spec->destination->desc.dims[1], inputs = spec->source->desc.dims[1], g = spec->groups;
    dnnl_dims_t grouped = {g, outputs / g, inputs / g, spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t dense = {outputs, inputs, spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t bias_dims = {outputs};
    TRY(dnnl_memory_desc_init_by_tag(weights, g > 1 ? 5 : 4, g > 1 ? grouped : dense, dnnl_f32, dnnl_format_tag_any));
    return dnnl_memory_desc_init_by_tag(bias, 1, bias_dims, dnnl_f32, dnnl_a);
}

int CDNN_convolution_create(CDNN_stream *stream, const CDNN_convolution *spec, CDNN_primitive **out) {
    dnnl_memory_desc_t weights, bias;
    TRY(weights_desc(spec, &weights, &bias));
    const dnnl_memory_desc_t *bias_or_none = spec->has_bias ? &bias : NULL;
    dnnl_dims_t strides = {spec->stride[0], spec->stride[1]};
    dnnl_dims_t gaps = {spec->dilation[0] - 1, spec->dilation[1] - 1};
    dnnl_dims_t before = {spec->before[0], spec->before[1]}, after = {spec->after[0], spec->after[1]};
    if (spec->transposed) {
        dnnl_deconvolution_desc_t operation;
        TRY(dnnl_dilated_deconvolution_forward_desc_init(
            &operation, dnnl_forward_inference, dnnl_deconvolution_direct, DESC(spec->source), &weights, bias_or_none,
            DESC(spec->destination), strides, gaps, before, after));
        return finish_with(stream, &operation, spec->post, KIND_PLAIN, out);
    }
    dnnl_convolution_desc_t operation;
    TRY(dnnl_dilated_convolution_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_convolution_direct, DESC(spec->source), &weights, bias_or_none,
        DESC(spec->destination), strides, gaps, before, after));
    return finish_with(stream, &operation, spec->post, KIND_PLAIN, out);
}

int CDNN_pooling_create(CDNN_stream *stream, const CDNN_pooling *spec, CDNN_primitive **out) {
    static const dnnl_alg_kind_t kinds[] = {
        dnnl_pooling_max, dnnl_pooling_avg_include_padding, dnnl_pooling_avg_exclude_padding};
    dnnl_dims_t strides = {spec->stride[0], spec->stride[1]}, kernel = {spec->kernel[0], spec->kernel[1]};
    dnnl_dims_t before = {spec->before[0], spec->before[1]}, after = {spec->after[0], spec->after[1]};
    dnnl_pooling_desc_t operation;
    TRY(dnnl_pooling_forward_desc_init(
        &operation, dnnl_forward_inference, kinds[spec->kind], DESC(spec->source), DESC(spec->destination), strides,
        kernel, before, after));
    return finish_with(stream, &operation, no_post, KIND_PLAIN, out);
}

int CDNN_activation_create(
    CDNN_stream *stream, const CDNN_layout *layout, int activation, float alpha, float beta, CDNN_primitive **out) {
    dnnl_eltwise_desc_t operation;
    TRY(dnnl_eltwise_forward_desc_init(
        &operation, dnnl_forward_inference, CDNN_activation_kind(activation), DESC(layout), alpha, beta));
    return finish_with(stream, &operation, no_post, KIND_PLAIN, out);
}

int CDNN_binary_create(
    CDNN_stream *stream, int kind, const CDNN_layout *a, const CDNN_layout *b, const CDNN_layout *destination,
    CDNN_post post, CDNN_primitive **out) {
    dnnl_binary_desc_t operation;
    TRY(dnnl_binary_desc_init(
        &operation, kind == CDNN_ADD ? dnnl_binary_add : dnnl_binary_mul, DESC(a), DESC(b), DESC(destination)));
    return finish_with(stream, &operation, post, KIND_BINARY, out);
}

int CDNN_resampling_create(
    CDNN_stream *stream, int kind, const CDNN_layout *source, const CDNN_layout *destination, CDNN_primitive **out) {
    dnnl_resampling_desc_t operation;
    TRY(dnnl_resampling_forward_desc_init(
        &operation, dnnl_forward_inference, kind == CDNN_NEAREST ? dnnl_resampling_nearest : dnnl_resampling_linear,
        NULL, DESC(source), DESC(destination)));
    return finish_with(stream, &operation, no_post, KIND_PLAIN, out);
}

static int attributes_without_post(dnnl_primitive_attr_t *out) { return CDNN_make_attributes(no_post, out); }

int CDNN_concat_create(
    CDNN_stream *stream, int count, const CDNN_layout *const *sources, const CDNN_layout *destination,
    CDNN_primitive **out) {
    if (count < 1 || count > MAX_ARGUMENTS - 2) return dnnl_invalid_arguments;
    dnnl_memory_desc_t list[MAX_ARGUMENTS];
    for (int i = 0; i < count; i++) list[i] = sources[i]->desc;
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t desc;
    TRY(attributes_without_post(&attributes));
    int status = dnnl_concat_primitive_desc_create(&desc, DESC(destination), count, 1, list, attributes, stream->engine);
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
    TRY(attributes_without_post(&attributes));
    int status = dnnl_reorder_primitive_desc_create(
        &desc, DESC(source), stream->engine, DESC(destination), stream->engine, attributes);
    dnnl_primitive_attr_destroy(attributes);
    TRY(status);
    return CDNN_finish(desc, KIND_REORDER, out);
}
#endif
