// ISA-L for Swift: gzip compression, inflating, and the CRC-32 of gzip and zip.
//
// ISA-L's streams are structs of some 80 kB with large arrays inside, which Swift cannot import: they stay behind pointers.
#ifndef CISAL_H
#define CISAL_H
#include <stddef.h>
#include <stdint.h>

// A gzip member (RFC 1952) being written.
typedef struct CISAL_Gzip CISAL_Gzip;

// Begins a member without name or time. Levels: 2 or 3. NULL when memory is exhausted.
CISAL_Gzip *CISAL_gzipCreate(int level);
void CISAL_gzipFree(CISAL_Gzip *gzip);

// Lends the bytes to compress next; those before must have been taken.
void CISAL_gzipSetInput(CISAL_Gzip *gzip, const uint8_t *bytes, uint32_t count, int isLast);

// Writes compressed bytes and returns how many, at most `capacity`; fewer mean that the input is taken, and the member
// complete if the input was the last. -1 when ISA-L refuses.
int64_t CISAL_gzipNext(CISAL_Gzip *gzip, uint8_t *output, uint32_t capacity);

// A raw deflate stream (RFC 1951) being inflated.
typedef struct CISAL_Inflate CISAL_Inflate;

// NULL when memory is exhausted.
CISAL_Inflate *CISAL_inflateCreate(void);
void CISAL_inflateFree(CISAL_Inflate *inflate);

typedef enum { CISAL_done, CISAL_full, CISAL_damaged } CISAL_Verdict;

// Inflates until the stream ends, the output is full, or the input proves damaged or cut short. A later call goes on
// where this one stopped; its output must follow in memory. `taken` and `made` count from the beginning of the stream.
CISAL_Verdict CISAL_inflateNext(
    CISAL_Inflate *inflate, const uint8_t *input, size_t inputCount, uint8_t *output, size_t outputCount, size_t *taken,
    size_t *made);

// The CRC-32 of ISO 3309 of bytes that follow others with the checksum `start` (0 for none).
uint32_t CISAL_crc32(uint32_t start, const uint8_t *bytes, size_t count);
#endif
