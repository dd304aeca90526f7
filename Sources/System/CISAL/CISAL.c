// The few calls of ISA-L that Ripe makes.
#include "CISAL.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

struct CISAL_Gzip {
    struct isal_zstream stream;
    uint8_t *levelBuffer;
};

CISAL_Gzip *CISAL_gzipCreate(int level) {
    // The small buffers make the shortest deflate blocks that are still fast: Huffman codes fit the data better than
    // those of the default ones, at the same speed.
    uint32_t size = level == 2 ? ISAL_DEF_LVL2_SMALL : ISAL_DEF_LVL3_SMALL;
    CISAL_Gzip *gzip = calloc(1, sizeof *gzip);
    if (!gzip) return NULL;
    gzip->levelBuffer = calloc(1, size);
    if (!gzip->levelBuffer) {
        free(gzip);
        return NULL;
    }
    isal_deflate_init(&gzip->stream);
    gzip->stream.level = (uint32_t)level;
    gzip->stream.level_buf = gzip->levelBuffer;
    gzip->stream.level_buf_size = size;
    gzip->stream.gzip_flag = IGZIP_GZIP;
    gzip->stream.flush = NO_FLUSH;
    return gzip;
}

void CISAL_gzipFree(CISAL_Gzip *gzip) {
    if (!gzip) return;
    free(gzip->levelBuffer);
    free(gzip);
}

void CISAL_gzipSetInput(CISAL_Gzip *gzip, const uint8_t *bytes, uint32_t count, int isLast) {
    gzip->stream.next_in = (uint8_t *)bytes;  // read only, whatever its type says
    gzip->stream.avail_in = count;
    gzip->stream.end_of_stream = isLast ? 1 : 0;
}

int64_t CISAL_gzipNext(CISAL_Gzip *gzip, uint8_t *output, uint32_t capacity) {
    gzip->stream.next_out = output;
    gzip->stream.avail_out = capacity;
    if (isal_deflate(&gzip->stream) != COMP_OK) return -1;
    return (int64_t)capacity - gzip->stream.avail_out;
}

struct CISAL_Inflate {
    struct inflate_state state;
    size_t taken, made;
};

CISAL_Inflate *CISAL_inflateCreate(void) {
    CISAL_Inflate *inflate = calloc(1, sizeof *inflate);
    if (inflate) isal_inflate_init(&inflate->state);
    return inflate;
}

void CISAL_inflateFree(CISAL_Inflate *inflate) { free(inflate); }

// ISA-L counts in 32 bits.
static uint32_t piece(size_t count) { return count < (1u << 30) ? (uint32_t)count : 1u << 30; }

CISAL_Verdict CISAL_inflateNext(
    CISAL_Inflate *inflate, const uint8_t *input, size_t inputCount, uint8_t *output, size_t outputCount, size_t *taken,
    size_t *made) {
    struct inflate_state *state = &inflate->state;
    CISAL_Verdict verdict;
    for (;;) {
        uint32_t given = piece(inputCount - inflate->taken), room = piece(outputCount - inflate->made);
        state->next_in = (uint8_t *)input + inflate->taken;  // read only, whatever its type says
        state->avail_in = given;
        state->next_out = output + inflate->made;
        state->avail_out = room;
        int result = isal_inflate(state);
        inflate->taken += given - state->avail_in;
        inflate->made += room - state->avail_out;
        if (result != ISAL_DECOMP_OK) {
            verdict = CISAL_damaged;
            break;
        }
        if (state->block_state == ISAL_BLOCK_FINISH) {
            verdict = CISAL_done;
            break;
        }
        if (inflate->made == outputCount) {
            verdict = CISAL_full;
            break;
        }
        if (inflate->taken == inputCount && state->avail_out == room) {  // nothing more comes
            verdict = CISAL_damaged;
            break;
        }
    }
    // Whole bytes that were taken ahead into the bit buffer belong to what follows the stream.
    size_t ahead = verdict == CISAL_done && state->read_in_length > 0 ? (size_t)state->read_in_length / 8 : 0;
    *taken = inflate->taken - ahead;
    *made = inflate->made;
    return verdict;
}

uint32_t CISAL_crc32(uint32_t start, const uint8_t *bytes, size_t count) {
    return crc32_gzip_refl(start, bytes, count);
}
