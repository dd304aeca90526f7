// libhdf5 for Swift. HDF5's H5T_*, H5P_* and H5F_ACC_* names are macros that call the library, which
// Swift cannot import; each shim below wraps one. Add wrappers here, with the reason, as they are needed.
#ifndef CHDF5_SHIM_H
#define CHDF5_SHIM_H
#include <hdf5.h>

static inline unsigned CHDF5_accessReadOnly(void) { return H5F_ACC_RDONLY; }
#endif
