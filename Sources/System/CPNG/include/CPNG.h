// libpng for Swift. libpng reports errors by longjmp, which must not cross a Swift frame: every call that can
// fail stays under one setjmp in CPNG.c. Everything works on memory; Swift opens files and allocates pixels.
#ifndef CPNG_H
#define CPNG_H
#include <stddef.h>
#include <stdint.h>

int CPNG_version(void);

// What stands in front of the pixels.
typedef struct {
    uint32_t width, height;
    uint8_t depth;      // bits per sample as stored: 1, 2, 4, 8, 16
    uint8_t colorType;  // 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGB + alpha
    uint8_t isInterlaced;
    uint8_t channels;
    uint16_t paletteCount;
    uint8_t palette[768];  // red, green, blue of each entry
    uint16_t alphaCount;   // tRNS of a palette image: opacity of the first entries
    uint8_t alpha[256];
    uint8_t hasKey;  // tRNS of grey and RGB: the sample values that count as transparent
    uint16_t key[3];
    uint8_t hasSignificantBits;  // sBIT, in the order of the channels
    uint8_t significantBits[4];
    uint8_t hasPhysicalSize;  // pHYs
    uint8_t isPerMetre;
    uint32_t pixelsPerUnit[2];  // x, y
    uint32_t gamma;             // gAMA × 100000, 0 for none
    uint8_t hasSRGB, hasICC, hasChromaticities, hasEXIF;
    size_t position;    // bytes that libpng had read when it stopped
    uint8_t isCutShort;  // whether it asked for bytes behind the end
    char error[160];
    char warning[160];  // the first warning
} CPNG_Info;

static inline const uint8_t *CPNG_palette(const CPNG_Info *info) { return info->palette; }
static inline const uint8_t *CPNG_alpha(const CPNG_Info *info) { return info->alpha; }
static inline const char *CPNG_error(const CPNG_Info *info) { return info->error; }
static inline const char *CPNG_warning(const CPNG_Info *info) { return info->warning; }

// Reads everything in front of the pixels. Returns 1, or 0 with `error` set.
int CPNG_readHeader(const uint8_t *bytes, size_t count, uint32_t greatestSide, CPNG_Info *info);

// Reads the raw samples, unscaled and without expansion: one byte each up to 8 bits, else a native uint16, channels
// together, rows packed. `output` must hold width × height × channels samples; `outputSize` is checked. Returns 1, or 0
// with `error` set. A file that ends after its last pixel but without its last chunks is read, with a warning.
int CPNG_readPixels(
    const uint8_t *bytes, size_t count, uint32_t greatestSide, CPNG_Info *info, uint8_t *output, size_t outputSize);

// Encodes samples laid out as CPNG_readPixels gives them (depths 8 and 16) into memory that CPNG_free releases.
// Uses width, height, depth, colorType, channels, palette, pHYs and sBIT of `info`. Returns NULL with `error` set.
uint8_t *CPNG_encode(CPNG_Info *info, const uint8_t *pixels, size_t pixelSize, size_t *outputSize);
void CPNG_free(uint8_t *bytes);
#endif
