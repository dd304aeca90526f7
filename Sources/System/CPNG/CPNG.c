// Reading and writing PNG in memory. Each public function holds the one setjmp under which libpng may longjmp.
#include "CPNG.h"
#include <png.h>
#include <stdlib.h>
#include <string.h>

int CPNG_version(void) { return (int)png_access_version_number(); }

// MARK: Callbacks

typedef struct {
    const uint8_t *bytes;
    size_t count;
    CPNG_Info *info;
} Source;

typedef struct {
    uint8_t *bytes;
    size_t count, capacity;
} Sink;

static void copyText(char *field, size_t size, const char *text) {
    strncpy(field, text, size - 1);
    field[size - 1] = 0;
}

static void onError(png_structp png, png_const_charp message) {
    CPNG_Info *info = png_get_error_ptr(png);
    copyText(info->error, sizeof info->error, message);
    png_longjmp(png, 1);
}

static void onWarning(png_structp png, png_const_charp message) {
    CPNG_Info *info = png_get_error_ptr(png);
    if (!info->warning[0]) copyText(info->warning, sizeof info->warning, message);
}

static void onRead(png_structp png, png_bytep target, png_size_t size) {
    Source *source = png_get_io_ptr(png);
    if (size > source->count - source->info->position) {
        source->info->isCutShort = 1;
        png_error(png, "the file ends too early");
    }
    memcpy(target, source->bytes + source->info->position, size);
    source->info->position += size;
}

static void onWrite(png_structp png, png_bytep bytes, png_size_t size) {
    Sink *sink = png_get_io_ptr(png);
    if (size > sink->capacity - sink->count) {
        size_t capacity = (sink->capacity + size) * 2;
        uint8_t *larger = realloc(sink->bytes, capacity);
        if (!larger) png_error(png, "out of memory");
        sink->bytes = larger;
        sink->capacity = capacity;
    }
    memcpy(sink->bytes + sink->count, bytes, size);
    sink->count += size;
}

static void onFlush(png_structp png) { (void)png; }

// MARK: Reading

// Takes over what png_read_info found. No call here can fail.
static void describe(png_structp png, png_infop chunks, CPNG_Info *info) {
    info->width = png_get_image_width(png, chunks);
    info->height = png_get_image_height(png, chunks);
    info->depth = png_get_bit_depth(png, chunks);
    info->colorType = png_get_color_type(png, chunks);
    info->isInterlaced = png_get_interlace_type(png, chunks) != PNG_INTERLACE_NONE;
    info->channels = png_get_channels(png, chunks);

    png_colorp palette = NULL;
    int paletteCount = 0;
    if (png_get_PLTE(png, chunks, &palette, &paletteCount) && palette && paletteCount <= 256) {
        info->paletteCount = (uint16_t)paletteCount;
        for (int i = 0; i < paletteCount; i++) {
            info->palette[3 * i] = palette[i].red;
            info->palette[3 * i + 1] = palette[i].green;
            info->palette[3 * i + 2] = palette[i].blue;
        }
    }
    png_bytep alpha = NULL;
    int alphaCount = 0;
    png_color_16p key = NULL;
    if (png_get_tRNS(png, chunks, &alpha, &alphaCount, &key)) {
        if (info->colorType == PNG_COLOR_TYPE_PALETTE && alpha && alphaCount <= 256) {
            info->alphaCount = (uint16_t)alphaCount;
            memcpy(info->alpha, alpha, (size_t)alphaCount);
        } else if (key) {
            info->hasKey = 1;
            int isGrey = info->colorType == PNG_COLOR_TYPE_GRAY;
            info->key[0] = isGrey ? key->gray : key->red;
            info->key[1] = isGrey ? key->gray : key->green;
            info->key[2] = isGrey ? key->gray : key->blue;
        }
    }
    png_color_8p bits = NULL;
    if (png_get_sBIT(png, chunks, &bits) && bits) {
        info->hasSignificantBits = 1;
        int isColor = info->colorType & PNG_COLOR_MASK_COLOR;
        int last = isColor ? 3 : 1;
        info->significantBits[0] = isColor ? bits->red : bits->gray;
        if (isColor) info->significantBits[1] = bits->green, info->significantBits[2] = bits->blue;
        if (info->colorType & PNG_COLOR_MASK_ALPHA) info->significantBits[last] = bits->alpha;
    }
    int unit = 0;
    if (png_get_pHYs(png, chunks, &info->pixelsPerUnit[0], &info->pixelsPerUnit[1], &unit)) {
        info->hasPhysicalSize = 1;
        info->isPerMetre = unit == PNG_RESOLUTION_METER;
    }
    png_fixed_point gamma = 0;
    if (png_get_gAMA_fixed(png, chunks, &gamma) && gamma > 0) info->gamma = (uint32_t)gamma;
    info->hasSRGB = png_get_valid(png, chunks, PNG_INFO_sRGB) != 0;
    info->hasICC = png_get_valid(png, chunks, PNG_INFO_iCCP) != 0;
    info->hasChromaticities = png_get_valid(png, chunks, PNG_INFO_cHRM) != 0;
#ifdef PNG_eXIf_SUPPORTED
    info->hasEXIF = png_get_valid(png, chunks, PNG_INFO_eXIf) != 0;
#endif
}

// How many bytes come before a chunk (other than pixels) that claims more than the file has left. libpng would allocate
// the claim first, up to 2 GB for eXIf, whatever limit it was given. Cut pixels are found while they are read.
static size_t countBeforeCutChunk(const uint8_t *bytes, size_t count) {
    size_t position = 8;
    while (count >= position + 12) {
        const uint8_t *chunk = bytes + position;
        size_t length = (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
        if (length > count - position - 12) return memcmp(chunk + 4, "IDAT", 4) == 0 ? count : position;
        position += 12 + length;
    }
    return count;
}

// Reads the header and, when `output` is not NULL, the pixels.
static int readImage(
    const uint8_t *bytes, size_t count, uint32_t greatestSide, CPNG_Info *info, uint8_t *output, size_t outputSize) {
    memset(info, 0, sizeof *info);
    Source source = {bytes, countBeforeCutChunk(bytes, count), info};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, info, onError, onWarning);
    png_infop chunks = png ? png_create_info_struct(png) : NULL;
    if (!chunks) {
        png_destroy_read_struct(&png, NULL, NULL);
        copyText(info->error, sizeof info->error, "libpng cannot start (out of memory, or another version)");
        return 0;
    }
    volatile int hasPixels = 0;
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &chunks, NULL);
        if (hasPixels && !info->warning[0]) copyText(info->warning, sizeof info->warning, info->error);
        return hasPixels;
    }
    png_set_read_fn(png, &source, onRead);
    png_set_user_limits(png, greatestSide, greatestSide);
    png_set_chunk_malloc_max(png, 8 << 20);
    // Texts are of no use here, and compressed ones can grow: skip them unread.
    static const png_byte texts[] = "tEXt\0zTXt\0iTXt";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, texts, 3);
    png_read_info(png, chunks);
    describe(png, chunks, info);
    if (output) {
        png_set_packing(png);  // 1, 2 and 4 bits: one byte a sample, values unchanged
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        if (info->depth == 16) png_set_swap(png);
#endif
        int passes = png_set_interlace_handling(png);
        png_read_update_info(png, chunks);
        size_t rowSize = (size_t)info->width * info->channels * (info->depth == 16 ? 2 : 1);
        if (png_get_rowbytes(png, chunks) != rowSize || outputSize / rowSize < info->height)
            png_error(png, "rows of another size than the header says");
        for (int pass = 0; pass < passes; pass++)
            for (uint32_t row = 0; row < info->height; row++) png_read_row(png, output + row * rowSize, NULL);
        hasPixels = 1;
        png_read_end(png, NULL);
    }
    png_destroy_read_struct(&png, &chunks, NULL);
    return 1;
}

int CPNG_readHeader(const uint8_t *bytes, size_t count, uint32_t greatestSide, CPNG_Info *info) {
    return readImage(bytes, count, greatestSide, info, NULL, 0);
}

int CPNG_readPixels(
    const uint8_t *bytes, size_t count, uint32_t greatestSide, CPNG_Info *info, uint8_t *output, size_t outputSize) {
    return readImage(bytes, count, greatestSide, info, output, outputSize);
}

// MARK: Writing

// Everything that may longjmp; `sink` belongs to the caller, whose frame the jump leaves alone.
static int encodeInto(CPNG_Info *info, const uint8_t *pixels, size_t rowSize, Sink *sink) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, info, onError, onWarning);
    png_infop chunks = png ? png_create_info_struct(png) : NULL;
    if (!chunks) {
        png_destroy_write_struct(&png, NULL);
        copyText(info->error, sizeof info->error, "libpng cannot start (out of memory, or another version)");
        return 0;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &chunks);
        return 0;
    }
    png_set_write_fn(png, sink, onWrite, onFlush);
    png_set_check_for_invalid_index(png, 0);  // a label without a colour is still a label
    png_set_compression_level(png, 6);
    png_set_IHDR(
        png, chunks, info->width, info->height, info->depth, info->colorType, PNG_INTERLACE_NONE,
        PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (info->colorType == PNG_COLOR_TYPE_PALETTE) {
        png_color palette[256];
        for (int i = 0; i < info->paletteCount; i++)
            palette[i] = (png_color){info->palette[3 * i], info->palette[3 * i + 1], info->palette[3 * i + 2]};
        png_set_PLTE(png, chunks, palette, info->paletteCount);
        if (info->alphaCount) png_set_tRNS(png, chunks, info->alpha, info->alphaCount, NULL);
    }
    if (info->hasSignificantBits) {
        const uint8_t *bits = info->significantBits;
        int isColor = info->colorType & PNG_COLOR_MASK_COLOR;
        png_color_8 kept = {bits[0], bits[1], bits[2], bits[0], bits[isColor ? 3 : 1]};
        png_set_sBIT(png, chunks, &kept);
    }
    if (info->hasPhysicalSize)
        png_set_pHYs(
            png, chunks, info->pixelsPerUnit[0], info->pixelsPerUnit[1],
            info->isPerMetre ? PNG_RESOLUTION_METER : PNG_RESOLUTION_UNKNOWN);
    png_write_info(png, chunks);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (info->depth == 16) png_set_swap(png);
#endif
    for (uint32_t row = 0; row < info->height; row++) png_write_row(png, pixels + row * rowSize);
    png_write_end(png, chunks);
    png_destroy_write_struct(&png, &chunks);
    return 1;
}

uint8_t *CPNG_encode(CPNG_Info *info, const uint8_t *pixels, size_t pixelSize, size_t *outputSize) {
    info->error[0] = info->warning[0] = 0;
    size_t rowSize = (size_t)info->width * info->channels * (info->depth == 16 ? 2 : 1);
    if (!rowSize || !info->height || pixelSize / rowSize < info->height) {
        copyText(info->error, sizeof info->error, "fewer pixels than the header says");
        return NULL;
    }
    Sink sink = {NULL, 0, 0};
    if (!encodeInto(info, pixels, rowSize, &sink)) {
        free(sink.bytes);
        return NULL;
    }
    *outputSize = sink.count;
    return sink.bytes;
}

void CPNG_free(uint8_t *bytes) { free(bytes); }
