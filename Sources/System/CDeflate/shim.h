// libdeflate for Swift: plain C functions, imported as they are.
#include <libdeflate.h>
