// Updates of parameters, element by element; see CKTraining.h. Steps that PyTorch rounds one by one are statements of
// their own, so that no compiler fuses them.
#include "CKernels.h"
#include "clones.h"

// Not sqrtf, which may set errno and so cannot be vectorised.
#define SQUARE_ROOT(x) __builtin_elementwise_sqrt(x)

enum { LANES = 16 };
typedef float vector __attribute__((vector_size(LANES * 4), aligned(4)));
typedef double wide __attribute__((vector_size(LANES * 8), aligned(8)));

static inline int64_t segment_end(int64_t index, int64_t count) {
    int64_t end = (index + 1) * CK_SEGMENT;
    return end < count ? end : count;
}

// torch.optim.SGD: g += decay * p; b = momentum * b + g; p -= rate * (nesterov ? g + momentum * b : b).
CK_CLONES void CK_sgd(const CK_Update *work, int64_t index) {
    int64_t begin = index * CK_SEGMENT, count = segment_end(index, work->count) - begin;
    float *restrict values = work->values + begin;
    const float *restrict gradient = work->gradient + begin;
    const float scale = work->scale, decay = work->decay, rate = -work->rate, momentum = work->momentum;
    if (!work->first) {
        for (int64_t i = 0; i < count; i++) {
            float g = gradient[i] * scale;
            g = g + decay * values[i];
            values[i] = values[i] + rate * g;
        }
        return;
    }
    float *restrict moment = work->first + begin;
    const int32_t is_nesterov = work->is_nesterov;
    for (int64_t i = 0; i < count; i++) {
        float g = gradient[i] * scale;
        g = g + decay * values[i];
        float b = moment[i] * momentum;
        b = b + g;
        moment[i] = b;
        g = is_nesterov ? g + momentum * b : b;
        values[i] = values[i] + rate * g;
    }
}

// torch.optim.Adam and AdamW, with the bias corrections in `rate` and `second_scale`.
CK_CLONES void CK_adam(const CK_Update *work, int64_t index) {
    int64_t begin = index * CK_SEGMENT, count = segment_end(index, work->count) - begin;
    float *restrict values = work->values + begin;
    const float *restrict gradient = work->gradient + begin;
    float *restrict first = work->first + begin, *restrict second = work->second + begin;
    const float scale = work->scale, decay = work->decay, shrink = work->shrink, rate = -work->rate;
    const float w = work->first_weight, factor = work->second_factor, weight = work->second_weight;
    const float second_scale = work->second_scale, epsilon = work->epsilon;
    const int32_t is_small = w < 0.5f;
    for (int64_t i = 0; i < count; i++) {
        float p = values[i] * shrink;
        float g = gradient[i] * scale;
        g = g + decay * p;
        float d = g - first[i];
        float m = is_small ? first[i] + w * d : g + (w - 1.0f) * d;
        first[i] = m;
        float v = second[i] * factor;
        v = v + weight * g * g;
        second[i] = v;
        float root = SQUARE_ROOT(v) / second_scale;
        root = root + epsilon;
        float change = rate * m / root;
        values[i] = p + change;
    }
}

CK_CLONES void CK_scaled(const CK_Scaling *work, int64_t index) {
    int64_t end = segment_end(index, work->count);
    for (int64_t i = index * CK_SEGMENT; i < end; i++) work->destination[i] = work->source[i] * work->scale;
}

CK_CLONES void CK_add_scaled(const CK_Scaling *work, int64_t index) {
    int64_t end = segment_end(index, work->count);
    for (int64_t i = index * CK_SEGMENT; i < end; i++) work->destination[i] += work->source[i] * work->scale;
}

CK_CLONES void CK_move_towards(const CK_Scaling *work, int64_t index) {
    int64_t end = segment_end(index, work->count);
    for (int64_t i = index * CK_SEGMENT; i < end; i++) {
        float difference = work->source[i] - work->destination[i];
        work->destination[i] += work->scale * difference;
    }
}

CK_CLONES double CK_sum_of_squares(const CK_Scaling *work, int64_t index) {
    int64_t begin = index * CK_SEGMENT, count = segment_end(index, work->count) - begin, i = 0;
    const float *source = work->source + begin;
    wide sums = {0};
    for (; i + LANES <= count; i += LANES) {
        wide x = __builtin_convertvector(*(const vector *)(source + i), wide);
        sums += x * x;
    }
    double sum = 0;
    for (int l = 0; l < LANES; l++) sum += sums[l];
    for (; i < count; i++) sum += (double)source[i] * source[i];
    return sum;
}
