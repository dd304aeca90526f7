// Sums over pairs of feature vectors, for distances; see CKernels.h.
#include "CKernels.h"
#include "clones.h"
#include <string.h>

// Each chunk is summed in 32 float lanes (a fixed order on every instruction set), chunks are added in double.
enum { LANES = 32, CHUNK = 4096 };

static double total(const float *lanes) {
    double sum = 0;
    for (int i = 0; i < LANES; i++) sum += lanes[i];
    return sum;
}

CK_CLONES double CK_dot(const float *a, const float *b, int64_t count) {
    double sum = 0;
    for (int64_t start = 0; start < count; start += CHUNK) {
        int64_t length = count - start < CHUNK ? count - start : CHUNK, i = 0;
        float lanes[LANES] = {0};
        for (; i + LANES <= length; i += LANES)
            for (int l = 0; l < LANES; l++) lanes[l] += a[start + i + l] * b[start + i + l];
        for (int l = 0; i < length; i++, l++) lanes[l] += a[start + i] * b[start + i];
        sum += total(lanes);
    }
    return sum;
}

CK_CLONES void CK_moments(const float *a, const float *b, int64_t count, CK_Moments *out) {
    CK_Moments sums = {0, 0, 0, 0, 0, 0};
    for (int64_t start = 0; start < count; start += CHUNK) {
        int64_t length = count - start < CHUNK ? count - start : CHUNK, i = 0;
        float dot[LANES] = {0}, aa[LANES] = {0}, bb[LANES] = {0}, sa[LANES] = {0}, sb[LANES] = {0}, dd[LANES] = {0};
        const float *x = a + start, *y = b + start;
        for (; i + LANES <= length; i += LANES)
            for (int l = 0; l < LANES; l++) {
                float p = x[i + l], q = y[i + l], d = p - q;
                dot[l] += p * q, aa[l] += p * p, bb[l] += q * q, sa[l] += p, sb[l] += q, dd[l] += d * d;
            }
        for (int l = 0; i < length; i++, l++) {
            float p = x[i], q = y[i], d = p - q;
            dot[l] += p * q, aa[l] += p * p, bb[l] += q * q, sa[l] += p, sb[l] += q, dd[l] += d * d;
        }
        sums.dot += total(dot), sums.aa += total(aa), sums.bb += total(bb);
        sums.sa += total(sa), sums.sb += total(sb), sums.dd += total(dd);
    }
    *out = sums;
}

CK_CLONES int64_t CK_count_non_finite(const float *values, int64_t count) {
    int64_t bad = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        bad += (bits & 0x7F800000u) == 0x7F800000u;
    }
    return bad;
}
