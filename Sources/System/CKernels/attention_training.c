// The reverse pass of attention; see CKernels.h. Sums that cross windows are made part by part, and the parts do not
// depend on the number of threads.
#include "attention_rows.h"
#include "clones.h"

// One head: q (scaled), k, v and the output's gradient with a token a row, k and v transposed as well, the three results,
// then the chances and their slopes of four queries. What is beyond the true sizes is zero.
struct reverse_memory {
    float *q, *k, *gradient, *keys, *values, *dq, *dk, *dv, *chances, *slopes;
    int64_t tokens, stored_tokens, head, stored_head;
};

static size_t memory_floats(int64_t tokens, int64_t head) {
    size_t t = (size_t)rounded(tokens, LANES), h = (size_t)rounded(head, LANES);
    return 8 * t * h + 2 * ROWS * t;
}

static void lay_out(struct reverse_memory *m, float *scratch, int64_t tokens, int64_t head) {
    m->tokens = tokens;
    m->stored_tokens = rounded(tokens, LANES);
    m->head = head;
    m->stored_head = rounded(head, LANES);
    float **parts[] = {&m->q, &m->k, &m->gradient, &m->keys, &m->values, &m->dq, &m->dk, &m->dv};
    for (int i = 0; i < 8; i++) *parts[i] = scratch + i * m->stored_tokens * m->stored_head;
    m->chances = scratch + 8 * m->stored_tokens * m->stored_head;
    m->slopes = m->chances + ROWS * m->stored_tokens;
    memset(scratch, 0, 8 * (size_t)(m->stored_tokens * m->stored_head) * sizeof(float));
}

// From dP to ds = P (dP - sum(P dP)); zeros beyond `tokens` in both.
static inline __attribute__((always_inline)) void slope(
    float *restrict chances, float *restrict slopes, int64_t tokens, int64_t stored) {
    float sums[LANES] = {0}, total = 0;
    for (int64_t j = tokens; j < stored; j++) chances[j] = 0;
    for (int64_t j = 0; j < stored; j += LANES)
        for (int l = 0; l < LANES; l++) sums[l] += chances[j + l] * slopes[j + l];
    for (int l = 0; l < LANES; l++) total += sums[l];
    for (int64_t j = 0; j < stored; j++) slopes[j] = chances[j] * (slopes[j] - total);
}

// dv += P^T g and dk += ds^T q of four queries.
static inline __attribute__((always_inline)) void add_keys_and_values(const struct reverse_memory *m, int64_t first) {
    for (int64_t c = 0; c < m->stored_head; c += LANES) {
        vector g[ROWS], q[ROWS];
        for (int r = 0; r < ROWS; r++) {
            g[r] = *(const vector *)(m->gradient + (first + r) * m->stored_head + c);
            q[r] = *(const vector *)(m->q + (first + r) * m->stored_head + c);
        }
        for (int64_t j = 0; j < m->tokens; j++) {
            vector *dv = (vector *)(m->dv + j * m->stored_head + c), *dk = (vector *)(m->dk + j * m->stored_head + c);
            vector value = *dv, key = *dk;
            for (int r = 0; r < ROWS; r++) {
                value += m->chances[r * m->stored_tokens + j] * g[r];
                key += m->slopes[r * m->stored_tokens + j] * q[r];
            }
            *dv = value;
            *dk = key;
        }
    }
}

// out = P v and s = scale q k^T + bias give dv = P^T g, dP = g v^T, ds = P (dP - sum(P dP)), dq = scale ds k and
// dk = scale ds^T q; q is scaled already, dq is scaled by who takes it. ds is added to `bias_sums`.
CK_CLONES static void reverse_head(
    const struct reverse_memory *m, const float *bias, const int32_t *regions, int masked, double *bias_sums) {
    int64_t stored = m->stored_tokens;
    for (int64_t first = 0; first < m->tokens; first += ROWS) {
        int64_t rows = m->tokens - first < ROWS ? m->tokens - first : ROWS;
        multiply_rows(m->q + first * m->stored_head, m->stored_head, m->head, m->keys, stored, m->chances);
        multiply_rows(m->gradient + first * m->stored_head, m->stored_head, m->head, m->values, stored, m->slopes);
        for (int64_t r = 0; r < rows; r++) {
            float *chances = m->chances + r * stored;
            if (bias)
                normalize(
                    chances, bias + (first + r) * m->tokens, regions, regions[first + r], masked, m->tokens, stored);
            else
                softmax(chances, m->tokens, stored);
            slope(chances, m->slopes + r * stored, m->tokens, stored);
            if (bias_sums)
                for (int64_t j = 0; j < m->tokens; j++)
                    bias_sums[(first + r) * m->tokens + j] += (double)m->slopes[r * stored + j];
        }
        for (int64_t r = rows; r < ROWS; r++) {
            memset(m->chances + r * stored, 0, (size_t)stored * sizeof(float));
            memset(m->slopes + r * stored, 0, (size_t)stored * sizeof(float));
        }
        multiply_rows(m->slopes, stored, m->tokens, m->k, m->stored_head, m->dq + first * m->stored_head);
        add_keys_and_values(m, first);
    }
}

// Copies one token's q, k, v and gradient in; a missing gradient is zero.
static inline void take_token(
    const struct reverse_memory *m, int64_t t, const float *qkv, int64_t channels, const float *gradient, float scale) {
    for (int64_t c = 0; c < m->head; c++) {
        m->q[t * m->stored_head + c] = qkv[c] * scale;
        m->keys[c * m->stored_tokens + t] = qkv[channels + c];
        m->values[c * m->stored_tokens + t] = qkv[2 * channels + c];
    }
    memcpy(m->k + t * m->stored_head, qkv + channels, (size_t)m->head * sizeof(float));
    if (gradient)
        memcpy(m->gradient + t * m->stored_head, gradient, (size_t)m->head * sizeof(float));
    else
        memset(m->gradient + t * m->stored_head, 0, (size_t)m->head * sizeof(float));
}

static void clear_results(const struct reverse_memory *m) {
    size_t bytes = (size_t)(m->stored_tokens * m->stored_head) * sizeof(float);
    memset(m->dk, 0, bytes);
    memset(m->dv, 0, bytes);
}

// ---- windows ----

// One head's memory, then the tokens' places and regions.
size_t CK_window_backward_scratch(const CK_WindowAttention *work) {
    int64_t tokens = work->window_height * work->window_width;
    return memory_floats(tokens, work->channels / work->heads) + 2 * (size_t)tokens;
}

struct window_tokens {
    int32_t *places, *regions;
};

static void find_tokens(const CK_WindowAttention *work, const struct window_tokens *at, int64_t window) {
    int64_t columns = work->padded_width / work->window_width;
    int64_t top = window / columns * work->window_height, left = window % columns * work->window_width;
    for (int64_t t = 0; t < work->window_height * work->window_width; t++) {
        int64_t row = top + t / work->window_width, column = left + t % work->window_width;
        at->places[t] = (int32_t)source_of(work, row, column);
        at->regions[t] = (int32_t)(3 * strip(row, work->padded_height, work->window_height, work->shift_rows) +
                                   strip(column, work->padded_width, work->window_width, work->shift_columns));
    }
}

static void gather_head(
    const CK_WindowBackward *work, const struct reverse_memory *m, const int32_t *places, int64_t image, int64_t head) {
    const CK_WindowAttention *forward = &work->forward;
    int64_t channels = forward->channels, first = image * forward->height * forward->width;
    for (int64_t t = 0; t < m->tokens; t++) {
        // A padded position holds the projection's bias, and its output is cut off.
        const float *qkv = places[t] < 0 ? forward->padding : forward->qkv + (first + places[t]) * 3 * channels;
        const float *gradient = places[t] < 0 ? NULL : work->gradient + (first + places[t]) * channels + head * m->head;
        take_token(m, t, qkv + head * m->head, channels, gradient, forward->scale);
    }
}

static void scatter_head(
    const CK_WindowBackward *work, const struct reverse_memory *m, const int32_t *places, int64_t image, int64_t head,
    double *padding) {
    const CK_WindowAttention *forward = &work->forward;
    int64_t channels = forward->channels, first = image * forward->height * forward->width;
    const float *results[3] = {m->dq, m->dk, m->dv};
    for (int64_t t = 0; t < m->tokens; t++)
        for (int64_t part = 0; part < 3; part++) {
            const float *from = results[part] + t * m->stored_head;
            int64_t channel = part * channels + head * m->head;
            float scale = part == 0 ? forward->scale : 1.0f;
            if (places[t] >= 0) {
                float *to = work->qkv_gradient + (first + places[t]) * 3 * channels + channel;
                for (int64_t c = 0; c < m->head; c++) to[c] = from[c] * scale;
            } else {
                for (int64_t c = 0; c < m->head; c++) padding[channel + c] += (double)(from[c] * scale);
            }
        }
}

void CK_window_attention_backward(const CK_WindowBackward *work, int64_t index, float *scratch) {
    const CK_WindowAttention *forward = &work->forward;
    struct reverse_memory m;
    struct window_tokens at;
    int64_t tokens = forward->window_height * forward->window_width, head = forward->channels / forward->heads;
    lay_out(&m, scratch, tokens, head);
    at.places = (int32_t *)(scratch + memory_floats(tokens, head));
    at.regions = at.places + tokens;
    int masked = forward->shift_rows > 0 || forward->shift_columns > 0;
    int64_t square = tokens * tokens, of_image = forward->padded_height / forward->window_height *
                                                 (forward->padded_width / forward->window_width);
    double *bias = work->sums + index * (forward->heads * square + 3 * forward->channels);
    double *padding = bias + forward->heads * square;
    memset(bias, 0, (size_t)(forward->heads * square + 3 * forward->channels) * sizeof(double));
    int64_t last = work->windows * (index + 1) / work->parts;
    for (int64_t window = work->windows * index / work->parts; window < last; window++) {
        find_tokens(forward, &at, window % of_image);
        for (int64_t h = 0; h < forward->heads; h++) {
            gather_head(work, &m, at.places, window / of_image, h);
            clear_results(&m);
            reverse_head(&m, forward->bias + h * square, at.regions, masked, bias + h * square);
            scatter_head(work, &m, at.places, window / of_image, h, padding);
        }
    }
}

// ---- all tokens of an image ----

size_t CK_self_attention_backward_scratch(const CK_SelfAttention *work) {
    return memory_floats(work->tokens, work->channels / work->heads);
}

void CK_self_attention_backward(const CK_SelfAttentionBackward *work, int64_t index, float *scratch) {
    const CK_SelfAttention *forward = &work->forward;
    int64_t image = index / forward->heads, head = index % forward->heads, channels = forward->channels;
    struct reverse_memory m;
    lay_out(&m, scratch, forward->tokens, channels / forward->heads);
    for (int64_t t = 0; t < m.tokens; t++) {
        int64_t row = image * m.tokens + t, channel = head * m.head;
        take_token(
            &m, t, forward->qkv + row * 3 * channels + channel, channels, work->gradient + row * channels + channel,
            forward->scale);
    }
    reverse_head(&m, NULL, NULL, 0, NULL);
    for (int64_t t = 0; t < m.tokens; t++) {
        float *to = work->qkv_gradient + (image * m.tokens + t) * 3 * channels + head * m.head;
        for (int64_t c = 0; c < m.head; c++) to[c] = m.dq[t * m.stored_head + c] * forward->scale;
        memcpy(to + channels, m.dk + t * m.stored_head, (size_t)m.head * sizeof(float));
        memcpy(to + 2 * channels, m.dv + t * m.stored_head, (size_t)m.head * sizeof(float));
    }
}

void CK_tokens_backward(const CK_TokensBackward *work, int64_t index) {
    int64_t channels = work->channels, count = work->positions * channels, first = work->prefix * channels;
    memcpy(
        work->destination + index * count, work->gradient + index * (first + count) + first,
        (size_t)count * sizeof(float));
}
