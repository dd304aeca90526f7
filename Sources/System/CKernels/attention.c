// Multi-head attention: in windows with relative position bias (Liu et al. 2021, section 3.2), and over all tokens of an
// image (Dosovitskiy et al. 2021); see CKernels.h.
#include "CKernels.h"
#include "clones.h"
#include "attention_rows.h"
#include <math.h>

// Per window and head: q (tokens x head), k transposed (head x tokens), v (tokens x head), scores and result of four
// queries; then the tokens' source positions and shift regions.
size_t CK_window_scratch(const CK_WindowAttention *work) {
    size_t tokens = (size_t)rounded(work->window_height * work->window_width, LANES);
    size_t head = (size_t)rounded(work->channels / work->heads, LANES);
    return 3 * tokens * head + ROWS * (tokens + head) + 2 * tokens;
}

struct head_memory {
    float *q, *keys, *values, *scores, *result;
    int64_t tokens, stored_tokens, head, stored_head;
};

// One head of one window: output rows go to `output` at their tokens' source positions.
CK_CLONES static void attend(
    const struct head_memory *m, const float *bias, const int32_t *regions, const int32_t *sources, int masked,
    float *output, int64_t channels) {
    for (int64_t first = 0; first < m->tokens; first += ROWS) {
        multiply_rows(m->q + first * m->stored_head, m->stored_head, m->head, m->keys, m->stored_tokens, m->scores);
        for (int64_t r = 0; r < ROWS && first + r < m->tokens; r++)
            normalize(
                m->scores + r * m->stored_tokens, bias + (first + r) * m->tokens, regions, regions[first + r], masked,
                m->tokens, m->stored_tokens);
        multiply_rows(m->scores, m->stored_tokens, m->tokens, m->values, m->stored_head, m->result);
        for (int64_t r = 0; r < ROWS && first + r < m->tokens; r++)
            if (sources[first + r] >= 0)
                memcpy(
                    output + (int64_t)sources[first + r] * channels, m->result + r * m->stored_head,
                    (size_t)m->head * sizeof(float));
    }
}

// Copies q (scaled), k (transposed) and v of one head; what is beyond the true sizes stays zero.
CK_CLONES static void gather(
    const struct head_memory *m, const float *map, const float *padding, const int32_t *sources, int64_t channels,
    float scale) {
    for (int64_t t = 0; t < m->tokens; t++) {
        const float *at = sources[t] < 0 ? padding : map + (int64_t)sources[t] * 3 * channels;
        for (int64_t c = 0; c < m->head; c++) m->q[t * m->stored_head + c] = at[c] * scale;
        memcpy(m->values + t * m->stored_head, at + 2 * channels, (size_t)m->head * sizeof(float));
    }
    for (int64_t t = 0; t < m->tokens; t++) {
        const float *at = (sources[t] < 0 ? padding : map + (int64_t)sources[t] * 3 * channels) + channels;
        for (int64_t c = 0; c < m->head; c++) m->keys[c * m->stored_tokens + t] = at[c];
    }
}

void CK_window_attention(const CK_WindowAttention *work, int64_t index, float *scratch) {
    int64_t columns = work->padded_width / work->window_width, rows = work->padded_height / work->window_height;
    int64_t image = index / (rows * columns), window = index % (rows * columns);
    int64_t top = window / columns * work->window_height, left = window % columns * work->window_width;
    struct head_memory m;
    m.tokens = work->window_height * work->window_width;
    m.stored_tokens = rounded(m.tokens, LANES);
    m.head = work->channels / work->heads;
    m.stored_head = rounded(m.head, LANES);
    m.q = scratch;
    m.keys = m.q + m.stored_tokens * m.stored_head;
    m.values = m.keys + m.stored_tokens * m.stored_head;
    m.scores = m.values + m.stored_tokens * m.stored_head;
    m.result = m.scores + ROWS * m.stored_tokens;
    int32_t *regions = (int32_t *)(m.result + ROWS * m.stored_head), *sources = regions + m.stored_tokens;
    memset(scratch, 0, (size_t)(3 * m.stored_tokens * m.stored_head) * sizeof(float));
    for (int64_t t = 0; t < m.tokens; t++) {
        int64_t row = top + t / work->window_width, column = left + t % work->window_width;
        sources[t] = (int32_t)source_of(work, row, column);
        regions[t] = (int32_t)(3 * strip(row, work->padded_height, work->window_height, work->shift_rows)
                               + strip(column, work->padded_width, work->window_width, work->shift_columns));
    }
    int masked = work->shift_rows > 0 || work->shift_columns > 0;
    const float *map = work->qkv + image * work->height * work->width * 3 * work->channels;
    float *output = work->output + image * work->height * work->width * work->channels;
    for (int64_t h = 0; h < work->heads; h++) {
        gather(&m, map + h * m.head, work->padding + h * m.head, sources, work->channels, work->scale);
        attend(
            &m, work->bias + h * m.tokens * m.tokens, regions, sources, masked, output + h * m.head, work->channels);
    }
}

void CK_tokens(const CK_Tokens *work, int64_t index) {
    int64_t channels = work->channels, count = work->positions * channels, first = work->prefix * channels;
    const float *restrict source = work->source + index * count;
    float *restrict to = work->destination + index * (first + count);
    memcpy(to, work->table, (size_t)first * sizeof(float));
    for (int64_t i = 0; i < count; i++) to[first + i] = work->table[first + i] + source[i];
}

// q and k transposed and v of one head, then scores and result of four queries.
size_t CK_self_attention_scratch(const CK_SelfAttention *work) {
    size_t tokens = (size_t)rounded(work->tokens, LANES);
    size_t head = (size_t)rounded(work->channels / work->heads, LANES);
    return 3 * tokens * head + ROWS * (tokens + head);
}

// One head over all tokens; `output` is its first channel of the first token.
CK_CLONES static void attend_all(
    const struct head_memory *m, const float *qkv, float *output, int64_t channels, float scale) {
    for (int64_t t = 0; t < m->tokens; t++) {
        const float *at = qkv + t * 3 * channels;
        for (int64_t c = 0; c < m->head; c++) m->q[t * m->stored_head + c] = at[c] * scale;
        for (int64_t c = 0; c < m->head; c++) m->keys[c * m->stored_tokens + t] = at[channels + c];
        memcpy(m->values + t * m->stored_head, at + 2 * channels, (size_t)m->head * sizeof(float));
    }
    for (int64_t first = 0; first < m->tokens; first += ROWS) {
        multiply_rows(m->q + first * m->stored_head, m->stored_head, m->head, m->keys, m->stored_tokens, m->scores);
        for (int64_t r = 0; r < ROWS && first + r < m->tokens; r++)
            softmax(m->scores + r * m->stored_tokens, m->tokens, m->stored_tokens);
        multiply_rows(m->scores, m->stored_tokens, m->tokens, m->values, m->stored_head, m->result);
        for (int64_t r = 0; r < ROWS && first + r < m->tokens; r++)
            memcpy(
                output + (first + r) * channels, m->result + r * m->stored_head, (size_t)m->head * sizeof(float));
    }
}

void CK_self_attention(const CK_SelfAttention *work, int64_t index, float *scratch) {
    int64_t image = index / work->heads, head = index % work->heads;
    struct head_memory m;
    m.tokens = work->tokens;
    m.stored_tokens = rounded(m.tokens, LANES);
    m.head = work->channels / work->heads;
    m.stored_head = rounded(m.head, LANES);
    m.q = scratch;
    m.keys = m.q + m.stored_tokens * m.stored_head;
    m.values = m.keys + m.stored_tokens * m.stored_head;
    m.scores = m.values + m.stored_tokens * m.stored_head;
    m.result = m.scores + ROWS * m.stored_tokens;
    memset(scratch, 0, (size_t)(3 * m.stored_tokens * m.stored_head) * sizeof(float));
    attend_all(
        &m, work->qkv + image * m.tokens * 3 * work->channels + head * m.head,
        work->output + image * m.tokens * work->channels + head * m.head, work->channels, work->scale);
}
