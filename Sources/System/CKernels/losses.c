// Losses of segmentation: sums over the pixels, then derivatives by the logits; see CKTraining.h.
#include "CKernels.h"
#include "clones.h"
#include "windows.h"

// Positions are taken in blocks whose intermediate values stay in the first-level cache.
enum { BLOCK = 256, LANES = 16 };
typedef float vector __attribute__((vector_size(LANES * 4), aligned(4)));
typedef double wide __attribute__((vector_size(LANES * 8), aligned(8)));
#define INLINE static inline __attribute__((always_inline))

// The natural logarithm of a normal number > 0 to 2 units in the last place (Cephes' logf), written so that compilers
// vectorise it. Infinity and NaN are kept.
INLINE float logarithm(float x) {
    uint32_t bits, mantissa;
    memcpy(&bits, &x, sizeof bits);
    float e = (float)((int32_t)(bits >> 23) - 126);
    mantissa = (bits & 0x7FFFFFu) | 0x3F000000u;
    float m;
    memcpy(&m, &mantissa, sizeof m);
    float is_low = m < 0.707106781186547524f ? 1.0f : 0.0f;
    e -= is_low;
    m = m + is_low * m - 1.0f;
    float z = m * m, y = 7.0376836292e-2f;
    y = y * m - 1.1514610310e-1f;
    y = y * m + 1.1676998740e-1f;
    y = y * m - 1.2420140846e-1f;
    y = y * m + 1.4249322787e-1f;
    y = y * m - 1.6668057665e-1f;
    y = y * m + 2.0000714765e-1f;
    y = y * m - 2.4999993993e-1f;
    y = y * m + 3.3333331174e-1f;
    y = y * m * z - 2.12194440e-4f * e - 0.5f * z;
    float result = m + y + 0.693359375f * e;
    return x < __builtin_inff() ? result : x;
}

// log(1 + x) for 0 <= x <= 1, exact also for small x.
INLINE float logarithm_plus_one(float x) {
    float u = 1.0f + x;
    float lost = x - (u - 1.0f);
    return logarithm(u) + lost / u;
}

INLINE double sum(const float *a, int64_t count) {
    wide sums = {0};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) sums += __builtin_convertvector(*(const vector *)(a + i), wide);
    double total = 0;
    for (int l = 0; l < LANES; l++) total += sums[l];
    for (; i < count; i++) total += a[i];
    return total;
}

// Where one call works, and a block of it.
struct span {
    int64_t image, first, count;  // positions
    const float *logits;          // of the image's first channel at `first`
    float *gradient;
};

INLINE struct span span_of(const CK_Loss *work, int64_t index) {
    int64_t segments = (work->positions + CK_LOSS_SEGMENT - 1) / CK_LOSS_SEGMENT;
    struct span s;
    s.image = index / segments;
    s.first = index % segments * CK_LOSS_SEGMENT;
    s.count = work->positions - s.first < CK_LOSS_SEGMENT ? work->positions - s.first : CK_LOSS_SEGMENT;
    int64_t at = s.image * work->channels * work->positions + s.first;
    s.logits = work->logits + at;
    s.gradient = work->gradient + at;
    return s;
}

// The labels of a block; -1 for pixels that take part in nothing. Counts the others and sums their classes' weights.
INLINE void read_labels(
    const CK_Loss *work, const uint8_t *labels, int64_t count, int32_t classes, int32_t *label, float *weight,
    double *sums) {
    int64_t pixels = 0, outside = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t value = labels[i], is_ignored = value == work->ignored, is_class = value < classes;
        label[i] = is_ignored || !is_class ? -1 : value;
        outside += !is_ignored && !is_class;
        pixels += !is_ignored && is_class;
        weight[i] = label[i] < 0 ? 0.0f : work->weights[label[i]];
    }
    sums[CK_LOSS_PIXELS] += (double)pixels;
    sums[CK_LOSS_OUTSIDE] += (double)outside;
    sums[CK_LOSS_WEIGHTS] += sum(weight, count);
}

// Cross-entropy and focal sums, from -log p(label) and p(label) and 1 - p(label); writes the focal slopes, which are
// -d(focal)/d(log p) p: the derivative by logit k is slope * (p[k] - t[k]).
INLINE void add_entropies(
    const CK_Loss *work, int64_t count, const int32_t *label, const float *weight, const float *entropy,
    const float *chance, const float *rest, float *slopes, double *sums) {
    float values[BLOCK];
    for (int64_t i = 0; i < count; i++) values[i] = label[i] < 0 ? 0.0f : weight[i] * entropy[i];
    sums[CK_LOSS_CROSS_ENTROPY] += sum(values, count);
    if (!slopes) return;
    const float gamma = work->gamma;
    for (int64_t i = 0; i < count; i++) {
        float q = rest[i] < 1e-30f ? 1e-30f : rest[i];
        float below = gamma == 2.0f ? q : exponential((gamma - 1.0f) * logarithm(q));
        float power = below * q;
        float slope = weight[i] * (power + gamma * chance[i] * below * entropy[i]);
        slopes[i] = label[i] < 0 ? 0.0f : slope;
        values[i] = label[i] < 0 ? 0.0f : weight[i] * power * entropy[i];
    }
    sums[CK_LOSS_FOCAL] += sum(values, count);
}

// One class's three sums for Dice over a block of probabilities.
INLINE void add_dice(
    int32_t squares, int64_t count, const int32_t *label, int32_t class, const float *chance, double *sums) {
    float products[BLOCK], sizes[BLOCK], truth[BLOCK];
    for (int64_t i = 0; i < count; i++) {
        float p = chance[i], size = squares ? p * p : p;
        products[i] = label[i] == class ? p : 0.0f;
        truth[i] = label[i] == class ? 1.0f : 0.0f;
        sizes[i] = label[i] < 0 ? 0.0f : size;
    }
    sums[0] += sum(products, count);
    sums[1] += sum(sizes, count);
    sums[2] += sum(truth, count);
}

// Binary cross-entropy of one channel over a block: max(x, 0) - x t + log(1 + e^-|x|).
INLINE double binary_entropies(
    int64_t count, const int32_t *label, int32_t class, const float *logits, float weight) {
    float values[BLOCK];
    for (int64_t i = 0; i < count; i++) {
        float x = logits[i], positive = x > 0 ? x : 0;
        float e = exponential(x > 0 ? -x : x);
        float value = positive - (label[i] == class ? x : 0.0f) + logarithm_plus_one(e);
        values[i] = label[i] < 0 ? 0.0f : weight * value;
    }
    return sum(values, count);
}

INLINE float sigmoid(float x) {
    float e = exponential(x > 0 ? -x : x);
    return (x > 0 ? 1.0f : e) / (1.0f + e);
}

// ---- softmax ----

// The softmax over the channels of a block. `total` + `lost` is the sum of e^(x - largest): what float32 loses of it
// matters where one class is nearly certain.
INLINE void softmax(
    const CK_Loss *work, const struct span *s, int64_t at, int64_t count, const int32_t *label, float *entropy,
    float *chance, float *rest) {
    float largest[BLOCK], total[BLOCK], lost[BLOCK], chosen[BLOCK], power[BLOCK];
    const float *x = s->logits + at;
    float *p = s->gradient + at;
    for (int64_t i = 0; i < count; i++) largest[i] = x[i];
    for (int64_t k = 1; k < work->channels; k++)
        for (int64_t i = 0; i < count; i++) {
            float value = x[k * work->positions + i];
            // Not a maximum instruction: NaN must stay.
            largest[i] = value > largest[i] || value != value ? value : largest[i];
        }
    for (int64_t i = 0; i < count; i++) total[i] = lost[i] = chosen[i] = power[i] = 0;
    for (int64_t k = 0; k < work->channels; k++)
        for (int64_t i = 0; i < count; i++) {
            float value = x[k * work->positions + i] - largest[i];
            float e = exponential(value);
            float next = total[i] + e, part = next - total[i];
            lost[i] += (total[i] - (next - part)) + (e - part);
            total[i] = next;
            chosen[i] = label[i] == (int32_t)k ? value : chosen[i];
            power[i] = label[i] == (int32_t)k ? e : power[i];
            p[k * work->positions + i] = e;
        }
    for (int64_t i = 0; i < count; i++) {
        float share = 1.0f / total[i];
        entropy[i] = logarithm(total[i]) + lost[i] * share - chosen[i];
        chance[i] = power[i] * share;
        rest[i] = (total[i] - power[i] + lost[i]) * share;
        total[i] = share;
    }
    for (int64_t k = 0; k < work->channels; k++)
        for (int64_t i = 0; i < count; i++) p[k * work->positions + i] *= total[i];
}

CK_CLONES void CK_softmax_loss(const CK_Loss *work, int64_t index) {
    const struct span s = span_of(work, index);
    const uint8_t *labels = work->labels + s.image * work->positions + s.first;
    float *slopes = work->slopes ? work->slopes + s.image * work->positions + s.first : NULL;
    double *sums = work->sums + index * (CK_LOSS_CLASSES + 3 * work->channels);
    memset(sums, 0, (size_t)(CK_LOSS_CLASSES + 3 * work->channels) * sizeof(double));
    for (int64_t at = 0; at < s.count; at += BLOCK) {
        int64_t count = s.count - at < BLOCK ? s.count - at : BLOCK;
        int32_t label[BLOCK];
        float weight[BLOCK], entropy[BLOCK], chance[BLOCK], rest[BLOCK];
        read_labels(work, labels + at, count, (int32_t)work->channels, label, weight, sums);
        softmax(work, &s, at, count, label, entropy, chance, rest);
        add_entropies(work, count, label, weight, entropy, chance, rest, slopes ? slopes + at : NULL, sums);
        for (int64_t k = 0; k < work->channels; k++) {
            int64_t place = k * work->positions + at;
            if (work->has_dice)
                add_dice(
                    work->squares, count, label, (int32_t)k, s.gradient + place, sums + CK_LOSS_CLASSES + 3 * k);
            if (work->has_binary)
                sums[CK_LOSS_BINARY] +=
                    binary_entropies(count, label, (int32_t)k, s.logits + place, work->weights[k]);
        }
    }
}

// What a pixel's cross-entropy and focal terms weigh: the derivative by logit k is this * (p[k] - t[k]).
INLINE void read_pulls(
    const CK_Loss *work, const uint8_t *labels, const float *slopes, int64_t count, int32_t classes, int32_t *label,
    float *pull) {
    for (int64_t i = 0; i < count; i++) {
        int32_t value = labels[i];
        label[i] = value == work->ignored || value >= classes ? -1 : value;
        pull[i] = label[i] < 0 ? 0.0f : work->weights[label[i]] * work->cross_entropy;
    }
    if (slopes)
        for (int64_t i = 0; i < count; i++) pull[i] += slopes[i] * work->focal;
}

CK_CLONES void CK_softmax_loss_gradient(const CK_Loss *work, int64_t index) {
    const struct span s = span_of(work, index);
    const uint8_t *labels = work->labels + s.image * work->positions + s.first;
    const float *slopes = work->slopes ? work->slopes + s.image * work->positions + s.first : NULL;
    const float *dice = work->dice + s.image / work->images_per_group * 3 * work->channels;
    for (int64_t at = 0; at < s.count; at += BLOCK) {
        int64_t count = s.count - at < BLOCK ? s.count - at : BLOCK;
        int32_t label[BLOCK];
        float pull[BLOCK], mean[BLOCK];
        read_pulls(
            work, labels + at, slopes ? slopes + at : NULL, count, (int32_t)work->channels, label, pull);
        for (int64_t i = 0; i < count; i++) mean[i] = 0;
        if (work->has_dice)
            for (int64_t k = 0; k < work->channels; k++) {
                const float *p = s.gradient + k * work->positions + at, *d = dice + 3 * k;
                for (int64_t i = 0; i < count; i++) {
                    float slope = (label[i] == (int32_t)k ? d[0] : 0.0f) + d[1] * p[i] + d[2];
                    mean[i] += p[i] * slope;
                }
            }
        for (int64_t k = 0; k < work->channels; k++) {
            float *p = s.gradient + k * work->positions + at;
            const float *x = s.logits + k * work->positions + at, *d = dice + 3 * k;
            const float binary = work->binary * work->weights[k];
            for (int64_t i = 0; i < count; i++) {
                float t = label[i] == (int32_t)k ? 1.0f : 0.0f;
                float value = pull[i] * (p[i] - t) + p[i] * (d[0] * t + d[1] * p[i] + d[2] - mean[i]);
                p[i] = label[i] < 0 ? 0.0f : value;
            }
            if (work->has_binary)
                for (int64_t i = 0; i < count; i++) {
                    float t = label[i] == (int32_t)k ? 1.0f : 0.0f;
                    p[i] += label[i] < 0 ? 0.0f : binary * (sigmoid(x[i]) - t);
                }
        }
    }
}

// ---- sigmoid: one channel, two classes ----

CK_CLONES void CK_sigmoid_loss(const CK_Loss *work, int64_t index) {
    const struct span s = span_of(work, index);
    const uint8_t *labels = work->labels + s.image * work->positions + s.first;
    float *slopes = work->slopes ? work->slopes + s.image * work->positions + s.first : NULL;
    double *sums = work->sums + index * (CK_LOSS_CLASSES + 6);
    memset(sums, 0, (CK_LOSS_CLASSES + 6) * sizeof(double));
    for (int64_t at = 0; at < s.count; at += BLOCK) {
        int64_t count = s.count - at < BLOCK ? s.count - at : BLOCK;
        int32_t label[BLOCK];
        float weight[BLOCK], entropy[BLOCK], chance[BLOCK], rest[BLOCK], background[BLOCK];
        const float *x = s.logits + at;
        float *p = s.gradient + at;
        read_labels(work, labels + at, count, 2, label, weight, sums);
        for (int64_t i = 0; i < count; i++) {
            float e = exponential(x[i] > 0 ? -x[i] : x[i]), share = 1.0f / (1.0f + e), positive = x[i] > 0 ? x[i] : 0;
            int32_t is_foreground = label[i] == 1;
            p[i] = x[i] > 0 ? share : e * share;
            background[i] = x[i] > 0 ? e * share : share;
            entropy[i] = positive - (is_foreground ? x[i] : 0.0f) + logarithm_plus_one(e);
            chance[i] = is_foreground ? p[i] : background[i];
            rest[i] = is_foreground ? background[i] : p[i];
        }
        add_entropies(work, count, label, weight, entropy, chance, rest, slopes ? slopes + at : NULL, sums);
        if (!work->has_dice) continue;
        add_dice(work->squares, count, label, 0, background, sums + CK_LOSS_CLASSES);
        add_dice(work->squares, count, label, 1, p, sums + CK_LOSS_CLASSES + 3);
    }
    // With one channel, both are the same pixel by pixel; they differ in what they are divided by.
    sums[CK_LOSS_BINARY] = sums[CK_LOSS_CROSS_ENTROPY];
}

CK_CLONES void CK_sigmoid_loss_gradient(const CK_Loss *work, int64_t index) {
    const struct span s = span_of(work, index);
    const uint8_t *labels = work->labels + s.image * work->positions + s.first;
    const float *slopes = work->slopes ? work->slopes + s.image * work->positions + s.first : NULL;
    const float *dice = work->dice + s.image / work->images_per_group * 6;
    CK_Loss both = *work;
    both.cross_entropy += work->binary;
    for (int64_t at = 0; at < s.count; at += BLOCK) {
        int64_t count = s.count - at < BLOCK ? s.count - at : BLOCK;
        int32_t label[BLOCK];
        float pull[BLOCK];
        float *p = s.gradient + at;
        read_pulls(&both, labels + at, slopes ? slopes + at : NULL, count, 2, label, pull);
        for (int64_t i = 0; i < count; i++) {
            float t = label[i] == 1 ? 1.0f : 0.0f, q = 1.0f - p[i];
            float foreground = dice[3] * t + dice[4] * p[i] + dice[5];
            float background = dice[0] * (1.0f - t) + dice[1] * q + dice[2];
            float value = pull[i] * (p[i] - t) + (foreground - background) * (p[i] * q);
            p[i] = label[i] < 0 ? 0.0f : value;
        }
    }
}
