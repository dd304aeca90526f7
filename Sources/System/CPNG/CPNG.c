#include "CPNG.h"
#include <png.h>

int CPNG_version(void) { return (int)png_access_version_number(); }
