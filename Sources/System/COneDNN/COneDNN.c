// The parts that are the same for oneDNN 2 and 3: engine, stream, layouts, attributes, steps, threads.
#include "internal.h"
#include <stdio.h>

// libgomp, which Debian's oneDNN runs on. Its headers belong to gcc, so the calls are declared here.
extern void omp_set_num_threads(int);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);

int CDNN_version(void) {
    const dnnl_version_t *v = dnnl_version();
    return v->major * 10000 + v->minor * 100 + v->patch;
}

const char *CDNN_status_text(int status) {
    switch (status) {
    case dnnl_success: return "success";
    case dnnl_out_of_memory: return "out of memory";
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "not implemented for this shape or processor";
    case dnnl_runtime_error: return "runtime error";
    default: return "unknown status";
    }
}

int CDNN_vector_width(void) {
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    if ((isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core) return 16;
    return (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2 ? 8 : 4;
}

void CDNN_set_threads(int threads) { omp_set_num_threads(threads); }

int CDNN_sgemm(int64_t m, int64_t n, int64_t k, const float *a, const float *b, float *c) {
    return dnnl_sgemm('N', 'N', m, n, k, 1.0f, a, k, b, n, 0.0f, c, n);
}

int CDNN_stream_create(CDNN_stream **out) {
    CDNN_stream *stream = calloc(1, sizeof *stream);
    if (!stream) return dnnl_out_of_memory;
    int status = dnnl_engine_create(&stream->engine, dnnl_cpu, 0);
    if (status == dnnl_success)
        status = dnnl_stream_create(&stream->stream, stream->engine, dnnl_stream_default_flags);
    if (status != dnnl_success) {
        CDNN_stream_destroy(stream);
        return status;
    }
    *out = stream;
    return 0;
}

int CDNN_stream_wait(CDNN_stream *stream) { return dnnl_stream_wait(stream->stream); }

void CDNN_stream_destroy(CDNN_stream *stream) {
    if (!stream) return;
    if (stream->stream) dnnl_stream_destroy(stream->stream);
    if (stream->engine) dnnl_engine_destroy(stream->engine);
    free(stream);
}

static dnnl_format_tag_t tag_of(int rank, int order) {
    static const dnnl_format_tag_t plain[] = {dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde};
    if (rank < 1 || rank > 5) return dnnl_format_tag_undef;
    switch (order) {
    case CDNN_PLAIN: return plain[rank];
    case CDNN_CHANNELS_LAST: return rank == 4 ? dnnl_acdb : dnnl_format_tag_undef;
    case CDNN_BLOCKED_16: return rank == 4 ? dnnl_aBcd16b : dnnl_format_tag_undef;
    case CDNN_BLOCKED_8: return rank == 4 ? dnnl_aBcd8b : dnnl_format_tag_undef;
    case CDNN_ANY: return dnnl_format_tag_any;
    case CDNN_KERNEL_16I16O: return rank == 4 ? dnnl_ABcd16b16a : dnnl_format_tag_undef;
    case CDNN_KERNEL_16O16I: return rank == 4 ? dnnl_ABcd16a16b : dnnl_format_tag_undef;
    case CDNN_KERNEL_8I8O: return rank == 4 ? dnnl_ABcd8b8a : dnnl_format_tag_undef;
    case CDNN_KERNEL_8O8I: return rank == 4 ? dnnl_ABcd8a8b : dnnl_format_tag_undef;
    default: return dnnl_format_tag_undef;
    }
}

int CDNN_layout_create(int rank, const int64_t *dims, int order, CDNN_layout **out) {
    dnnl_format_tag_t tag = tag_of(rank, order);
    if (tag == dnnl_format_tag_undef) return dnnl_invalid_arguments;
    CDNN_layout *layout = calloc(1, sizeof *layout);
    if (!layout) return dnnl_out_of_memory;
    dnnl_dims_t sizes;
    for (int i = 0; i < rank; i++) sizes[i] = dims[i];
#if DNNL_VERSION_MAJOR >= 3
    int status = dnnl_memory_desc_create_with_tag(&layout->desc, rank, sizes, dnnl_f32, tag);
#else
    int status = dnnl_memory_desc_init_by_tag(&layout->desc, rank, sizes, dnnl_f32, tag);
#endif
    if (status != dnnl_success) {
        free(layout);
        return status;
    }
    *out = layout;
    return 0;
}

CDNN_layout *CDNN_layout_from(DescArgument desc) {
    if (!desc) return NULL;
    CDNN_layout *layout = calloc(1, sizeof *layout);
    if (!layout) return NULL;
#if DNNL_VERSION_MAJOR >= 3
    if (dnnl_memory_desc_clone(&layout->desc, desc) != dnnl_success) {
        free(layout);
        return NULL;
    }
#else
    layout->desc = *desc;
#endif
    if (CDNN_layout_bytes(layout) == 0) {
        CDNN_layout_destroy(layout);
        return NULL;
    }
    return layout;
}

int CDNN_layout_copy(const CDNN_layout *layout, CDNN_layout **out) {
    *out = CDNN_layout_from(DESC(layout));
    return *out ? 0 : dnnl_out_of_memory;
}

size_t CDNN_layout_bytes(const CDNN_layout *layout) { return dnnl_memory_desc_get_size(DESC(layout)); }

int CDNN_layout_equal(const CDNN_layout *a, const CDNN_layout *b) { return dnnl_memory_desc_equal(DESC(a), DESC(b)); }

void CDNN_layout_destroy(CDNN_layout *layout) {
    if (!layout) return;
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_destroy(layout->desc);
#endif
    free(layout);
}

dnnl_alg_kind_t CDNN_activation_kind(int activation) {
    switch (activation) {
    case CDNN_RELU: return dnnl_eltwise_relu;
    case CDNN_RELU_CAPPED: return dnnl_eltwise_clip;
    case CDNN_GELU_ERF: return dnnl_eltwise_gelu_erf;
    case CDNN_GELU_TANH: return dnnl_eltwise_gelu_tanh;
    case CDNN_SIGMOID: return dnnl_eltwise_logistic;
    case CDNN_SWISH: return dnnl_eltwise_swish;
    case CDNN_TANH: return dnnl_eltwise_tanh;
    case CDNN_ELU: return dnnl_eltwise_elu;
    case CDNN_HARD_SWISH: return dnnl_eltwise_hardswish;
    case CDNN_CLIP: return dnnl_eltwise_clip;
    case CDNN_SOFTPLUS: return dnnl_eltwise_soft_relu;
    case CDNN_POWER: return dnnl_eltwise_pow;
    default: return dnnl_eltwise_linear;
    }
}

int CDNN_make_attributes(CDNN_post post, dnnl_primitive_attr_t *out) {
    dnnl_primitive_attr_t attributes;
    dnnl_post_ops_t operations;
    TRY(dnnl_primitive_attr_create(&attributes));
    int status = dnnl_post_ops_create(&operations);
    if (status != dnnl_success) {
        dnnl_primitive_attr_destroy(attributes);
        return status;
    }
#if DNNL_VERSION_MAJOR >= 3
    if (post.sums) status = dnnl_post_ops_append_sum(operations, 1.0f, 0, dnnl_data_type_undef);
    if (status == dnnl_success && post.activation != CDNN_IDENTITY)
        status = dnnl_post_ops_append_eltwise(operations, CDNN_activation_kind(post.activation), post.alpha, post.beta);
#else
    if (post.sums) status = dnnl_post_ops_append_sum(operations, 1.0f);
    if (status == dnnl_success && post.activation != CDNN_IDENTITY)
        status = dnnl_post_ops_append_eltwise(
            operations, 1.0f, CDNN_activation_kind(post.activation), post.alpha, post.beta);
#endif
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, operations);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    dnnl_post_ops_destroy(operations);
    if (status != dnnl_success) {
        dnnl_primitive_attr_destroy(attributes);
        return status;
    }
    *out = attributes;
    return 0;
}

static DescArgument query(dnnl_primitive_desc_t desc, dnnl_query_t what, int index) {
    return dnnl_primitive_desc_query_md(desc, what, index);
}

int CDNN_finish(dnnl_primitive_desc_t desc, int kind, CDNN_primitive **out) {
    CDNN_primitive *primitive = calloc(1, sizeof *primitive);
    if (!primitive) {
        dnnl_primitive_desc_destroy(desc);
        return dnnl_out_of_memory;
    }
    primitive->kind = kind;
    int status = dnnl_primitive_create(&primitive->primitive, desc);
    if (status == dnnl_success) {
        const char *name = NULL;
        dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name);
        snprintf(primitive->name, sizeof primitive->name, "%s", name ? name : "");
        primitive->layouts[CDNN_SOURCE] = CDNN_layout_from(query(desc, dnnl_query_src_md, 0));
        primitive->layouts[CDNN_DESTINATION] = CDNN_layout_from(query(desc, dnnl_query_dst_md, 0));
        primitive->layouts[CDNN_SCRATCHPAD] = CDNN_layout_from(query(desc, dnnl_query_scratchpad_md, 0));
        if (kind == KIND_PLAIN) {
            primitive->layouts[CDNN_WEIGHTS] = CDNN_layout_from(query(desc, dnnl_query_weights_md, 0));
            primitive->layouts[CDNN_BIAS] = CDNN_layout_from(query(desc, dnnl_query_weights_md, 1));
        }
        primitive->layouts[CDNN_DIFF_SOURCE] = CDNN_layout_from(query(desc, dnnl_query_diff_src_md, 0));
        primitive->layouts[CDNN_DIFF_DESTINATION] = CDNN_layout_from(query(desc, dnnl_query_diff_dst_md, 0));
        primitive->layouts[CDNN_WORKSPACE] = CDNN_layout_from(query(desc, dnnl_query_workspace_md, 0));
        if (kind == KIND_PLAIN) {
            primitive->layouts[CDNN_DIFF_WEIGHTS] = CDNN_layout_from(query(desc, dnnl_query_diff_weights_md, 0));
            primitive->layouts[CDNN_DIFF_BIAS] = CDNN_layout_from(query(desc, dnnl_query_diff_weights_md, 1));
        }
        if (kind == KIND_BINARY) primitive->layouts[CDNN_SOURCE_2] = CDNN_layout_from(query(desc, dnnl_query_src_md, 1));
    }
    dnnl_primitive_desc_destroy(desc);
    if (status != dnnl_success) {
        CDNN_primitive_destroy(primitive);
        return status;
    }
    *out = primitive;
    return 0;
}

const_dnnl_primitive_desc_t CDNN_descriptor(const CDNN_primitive *primitive) {
    const_dnnl_primitive_desc_t desc = NULL;
    return dnnl_primitive_get_primitive_desc(primitive->primitive, &desc) == dnnl_success ? desc : NULL;
}

const CDNN_layout *CDNN_primitive_layout(const CDNN_primitive *primitive, int role) {
    if (role >= CDNN_SOURCES) {
        int index = role - CDNN_SOURCES;
        return index < primitive->source_count ? primitive->sources[index] : NULL;
    }
    return role >= 0 && role < ROLE_COUNT ? primitive->layouts[role] : NULL;
}

const char *CDNN_primitive_name(const CDNN_primitive *primitive) { return primitive->name; }

void CDNN_primitive_destroy(CDNN_primitive *primitive) {
    if (!primitive) return;
    if (primitive->primitive) dnnl_primitive_destroy(primitive->primitive);
    for (int i = 0; i < ROLE_COUNT; i++) CDNN_layout_destroy(primitive->layouts[i]);
    for (int i = 0; i < primitive->source_count; i++) CDNN_layout_destroy(primitive->sources[i]);
    free(primitive->sources);
    free(primitive);
}

// ---- steps ----
struct CDNN_step {
    dnnl_primitive_t primitive;  // borrowed: the caller keeps the CDNN_primitive alive
    int count;
    dnnl_exec_arg_t arguments[MAX_ARGUMENTS];
    int roles[MAX_ARGUMENTS];
};

static int argument_number(int kind, int role) {
    if (role >= CDNN_SOURCES) return DNNL_ARG_MULTIPLE_SRC + (role - CDNN_SOURCES);
    switch (role) {
    case CDNN_SOURCE: return kind == KIND_REORDER ? DNNL_ARG_FROM : DNNL_ARG_SRC_0;
    case CDNN_SOURCE_2: return DNNL_ARG_SRC_1;
    case CDNN_WEIGHTS: return DNNL_ARG_WEIGHTS;
    case CDNN_BIAS: return DNNL_ARG_BIAS;
    case CDNN_SCRATCHPAD: return DNNL_ARG_SCRATCHPAD;
    case CDNN_DIFF_SOURCE: return DNNL_ARG_DIFF_SRC;
    case CDNN_DIFF_WEIGHTS: return DNNL_ARG_DIFF_WEIGHTS;
    case CDNN_DIFF_BIAS: return DNNL_ARG_DIFF_BIAS;
    case CDNN_DIFF_DESTINATION: return DNNL_ARG_DIFF_DST;
    case CDNN_MEAN: return DNNL_ARG_MEAN;
    case CDNN_VARIANCE: return DNNL_ARG_VARIANCE;
    case CDNN_SCALE: return DNNL_ARG_SCALE;
    case CDNN_SHIFT: return DNNL_ARG_SHIFT;
    case CDNN_DIFF_SCALE: return DNNL_ARG_DIFF_SCALE;
    case CDNN_DIFF_SHIFT: return DNNL_ARG_DIFF_SHIFT;
    case CDNN_WORKSPACE: return DNNL_ARG_WORKSPACE;
    default: return kind == KIND_REORDER ? DNNL_ARG_TO : DNNL_ARG_DST;
    }
}

int CDNN_step_create(
    CDNN_stream *stream, CDNN_primitive *primitive, const CDNN_argument *arguments, int count, CDNN_step **out) {
    if (count > MAX_ARGUMENTS) return dnnl_invalid_arguments;
    CDNN_step *step = calloc(1, sizeof *step);
    if (!step) return dnnl_out_of_memory;
    step->primitive = primitive->primitive;
    for (int i = 0; i < count; i++) {
        const CDNN_layout *layout = CDNN_primitive_layout(primitive, arguments[i].role);
        dnnl_memory_t memory = NULL;
        int status = layout ? dnnl_memory_create(&memory, DESC(layout), stream->engine, arguments[i].data)
                            : dnnl_invalid_arguments;
        if (status != dnnl_success) {
            CDNN_step_destroy(step);
            return status;
        }
        step->roles[step->count] = arguments[i].role;
        step->arguments[step->count].arg = argument_number(primitive->kind, arguments[i].role);
        step->arguments[step->count++].memory = memory;
    }
    *out = step;
    return 0;
}

int CDNN_step_set(CDNN_step *step, int role, void *data) {
    for (int i = 0; i < step->count; i++)
        if (step->roles[i] == role) return dnnl_memory_set_data_handle(step->arguments[i].memory, data);
    return dnnl_invalid_arguments;
}

int CDNN_step_run(CDNN_step *step, CDNN_stream *stream) {
    return dnnl_primitive_execute(step->primitive, stream->stream, step->count, step->arguments);
}

void CDNN_step_destroy(CDNN_step *step) {
    if (!step) return;
    for (int i = 0; i < step->count; i++) dnnl_memory_destroy(step->arguments[i].memory);
    free(step);
}

// ---- threads ----
struct parallel_work {
    int64_t count;
    void (*body)(void *, int64_t, int64_t);
    void *context;
};

static void run_share(void *data) {
    const struct parallel_work *work = data;
    int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
    work->body(work->context, work->count * thread / threads, work->count * (thread + 1) / threads);
}

void CDNN_parallel(
    int64_t count, int threads, void (*body)(void *context, int64_t first, int64_t end), void *context) {
    struct parallel_work work = {count, body, context};
    if (threads <= 1 || count <= 1) {
        body(context, 0, count);
        return;
    }
    GOMP_parallel(run_share, &work, (unsigned)(threads < count ? threads : count), 0);
}
