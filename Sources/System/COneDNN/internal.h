// Shared by the files of this target: the opaque types and the version differences that fit in a line.
#ifndef CONEDNN_INTERNAL_H
#define CONEDNN_INTERNAL_H

#include "COneDNN.h"
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENTS 40

struct CDNN_stream {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

struct CDNN_layout {
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_t desc;  // a handle that this struct owns
#else
    dnnl_memory_desc_t desc;  // a value
#endif
};

#if DNNL_VERSION_MAJOR >= 3
#define DESC(layout) ((layout)->desc)
typedef const_dnnl_memory_desc_t DescArgument;
#else
#define DESC(layout) (&(layout)->desc)
typedef const dnnl_memory_desc_t *DescArgument;
#endif

enum { ROLE_COUNT = CDNN_SCRATCHPAD + 1 };

struct CDNN_primitive {
    dnnl_primitive_t primitive;
    CDNN_layout *layouts[ROLE_COUNT];  // owned; NULL where the primitive has no such argument
    CDNN_layout **sources;             // owned; the inputs of a concat
    int source_count;
    int kind;                          // which argument numbers the roles stand for
    char name[64];
};

enum { KIND_PLAIN = 0, KIND_BINARY, KIND_CONCAT, KIND_REORDER, KIND_NORM };

// Takes over `desc` of a finished primitive descriptor: makes the primitive, records its layouts, frees `desc`.
int CDNN_finish(dnnl_primitive_desc_t desc, int kind, CDNN_primitive **out);
int CDNN_make_attributes(CDNN_post post, dnnl_primitive_attr_t *out);
dnnl_alg_kind_t CDNN_activation_kind(int activation);
CDNN_layout *CDNN_layout_from(DescArgument desc);

// The primitive descriptor that a primitive was made from; borrowed.
const_dnnl_primitive_desc_t CDNN_descriptor(const CDNN_primitive *primitive);

#define TRY(call) do { int status_ = (int)(call); if (status_ != dnnl_success) return status_; } while (0)

#endif
