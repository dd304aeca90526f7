// libhdf5 for Swift. HDF5's H5T_*, H5P_* and H5F_ACC_* names are macros that call the library, which
// Swift cannot import; each shim below wraps one. Add wrappers here, with the reason, as they are needed.
#ifndef CHDF5_SHIM_H
#define CHDF5_SHIM_H
#include <hdf5.h>

// A macro that is an expression.
static inline unsigned CHDF5_accessReadOnly(void) { return H5F_ACC_RDONLY; }

// Property list classes and H5T_C_S1 are macros that call H5open.
static inline hid_t CHDF5_fileAccessClass(void) { return H5P_FILE_ACCESS; }
static inline hid_t CHDF5_cString(void) { return H5T_C_S1; }

// Property list classes for writing, and the element types that files hold.
static inline hid_t CHDF5_dataSetCreateClass(void) { return H5P_DATASET_CREATE; }
static inline hid_t CHDF5_groupCreateClass(void) { return H5P_GROUP_CREATE; }
static inline hid_t CHDF5_linkCreateClass(void) { return H5P_LINK_CREATE; }
static inline hid_t CHDF5_attributeCreateClass(void) { return H5P_ATTRIBUTE_CREATE; }
static inline unsigned CHDF5_accessTruncate(void) { return H5F_ACC_TRUNC; }
static inline size_t CHDF5_variableLength(void) { return H5T_VARIABLE; }
static inline hid_t CHDF5_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t CHDF5_float64(void) { return H5T_IEEE_F64LE; }
// Little-endian integers by size in bytes; negative for another size.
static inline hid_t CHDF5_integer(int size, int isSigned) {
    switch (size) {
    case 1: return isSigned ? H5T_STD_I8LE : H5T_STD_U8LE;
    case 2: return isSigned ? H5T_STD_I16LE : H5T_STD_U16LE;
    case 4: return isSigned ? H5T_STD_I32LE : H5T_STD_U32LE;
    case 8: return isSigned ? H5T_STD_I64LE : H5T_STD_U64LE;
    default: return -1;
    }
}

// H5_ITER, H5_INDEX and H5D_CHUNK constants reach Swift as C enums or casts; plain calls read better there.
static inline hid_t CHDF5_openAttribute(hid_t object, hsize_t index) {
    return H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_NATIVE, index, H5P_DEFAULT, H5P_DEFAULT);
}

// How many attributes an object has; H5Oget_info changed its signature in 1.12, this old call did not.
static inline int CHDF5_attributeCount(hid_t object) { return H5Aget_num_attrs(object); }

// A link as the walk needs it: kind 0 hard (its address is set), 1 soft, 64 external, 65... user-defined.
typedef int (*CHDF5_LinkVisitor)(const char *name, int kind, uint64_t address, void *context);

typedef struct {
    CHDF5_LinkVisitor visit;
    void *context;
} CHDF5_LinkIteration;

// H5L_info_t became H5L_info2_t with an opaque token in 1.12; the first form, which holds the address, stays available.
#if H5_VERSION_GE(1, 12, 0)
typedef H5L_info1_t CHDF5_LinkInfo;
typedef H5O_info1_t CHDF5_ObjectInfo;
#define CHDF5_Literate H5Literate1
#else
typedef H5L_info_t CHDF5_LinkInfo;
typedef H5O_info_t CHDF5_ObjectInfo;
#define CHDF5_Literate H5Literate
#endif

// Where an object's header lies; HADDR_UNDEF when libhdf5 cannot say. (H5Oget_info, too, got an opaque token in 1.12.)
static inline uint64_t CHDF5_objectAddress(hid_t object) {
    CHDF5_ObjectInfo info;
    return H5Oget_info2(object, &info, H5O_INFO_BASIC) < 0 ? UINT64_MAX : (uint64_t)info.addr;
}

static inline herr_t CHDF5_visitLink(hid_t group, const char *name, const CHDF5_LinkInfo *info, void *data) {
    (void)group;
    const CHDF5_LinkIteration *iteration = (const CHDF5_LinkIteration *)data;
    uint64_t address = info->type == H5L_TYPE_HARD ? (uint64_t)info->u.address : UINT64_MAX;
    return iteration->visit(name, (int)info->type, address, iteration->context);
}

// Visits a group's links in no certain order. (An ordered walk builds a table first, and 1.10 frees its uninitialised
// rows when it meets a damaged link.) A visitor that returns a negative number stops the walk, which then fails.
static inline herr_t CHDF5_iterateLinks(hid_t group, CHDF5_LinkVisitor visit, void *context) {
    CHDF5_LinkIteration iteration = {visit, context};
    hsize_t index = 0;
    return CHDF5_Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, &index, CHDF5_visitLink, &iteration);
}

// The callbacks that let the core driver read an image in place: every "allocation" is the image itself, every copy of
// it onto itself is skipped, and nobody frees it. (H5LTopen_file_image would do the same, at the price of libhdf5_hl.)
static inline void *CHDF5_imageAllocate(size_t size, H5FD_file_image_op_t operation, void *image) {
    (void)size;
    (void)operation;
    return image;
}
static inline void *CHDF5_imageCopy(
    void *to, const void *from, size_t size, H5FD_file_image_op_t operation, void *image) {
    (void)size;
    (void)operation;
    (void)image;
    return to == from ? to : NULL;
}
static inline void *CHDF5_imageResize(void *memory, size_t size, H5FD_file_image_op_t operation, void *image) {
    (void)memory;
    (void)size;
    (void)operation;
    (void)image;
    return NULL;
}
static inline herr_t CHDF5_imageFree(void *memory, H5FD_file_image_op_t operation, void *image) {
    (void)memory;
    (void)operation;
    (void)image;
    return 0;
}
static inline void *CHDF5_imageKeep(void *image) { return image; }
static inline herr_t CHDF5_imageForget(void *image) {
    (void)image;
    return 0;
}

// Makes a file access list read `image` (never written through: the file is opened read-only) instead of a file.
static inline herr_t CHDF5_useImage(hid_t accessList, const void *image, size_t size) {
    H5FD_file_image_callbacks_t callbacks = {CHDF5_imageAllocate, CHDF5_imageCopy, CHDF5_imageResize,
        CHDF5_imageFree, CHDF5_imageKeep, CHDF5_imageForget, (void *)image};
    if (H5Pset_fapl_core(accessList, 1 << 16, 0) < 0) return -1;
    if (H5Pset_file_image_callbacks(accessList, &callbacks) < 0) return -1;
    return H5Pset_file_image(accessList, (void *)image, size);
}
#endif
