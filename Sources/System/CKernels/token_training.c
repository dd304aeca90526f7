// The reverse pass of layer norms and window attention, channels-last; see CKernels.h. Sums that cross rows or windows
// are made part by part, and the parts do not depend on the number of threads.
#include "clones.h"
#include "windows.h"
#include <math.h>

// With n = (x - mean) / sqrt(variance + epsilon) and g = scale * gradient:
// dx = (g - mean(g) - n mean(g n)) / sqrt(variance + epsilon).
CK_CLONES void CK_layer_norm_backward(const CK_LayerNormBackward *work, int64_t index) {
    int64_t channels = work->channels;
    int64_t first = work->total * index / work->parts, last = work->total * (index + 1) / work->parts;
    double *scale_sums = work->sums + index * 2 * channels, *shift_sums = scale_sums + channels;
    memset(scale_sums, 0, (size_t)(2 * channels) * sizeof(double));
    for (int64_t row = first; row < last; row++) {
        const float *from = work->source + row * channels, *gradient = work->gradient + row * channels;
        float *to = work->destination + row * channels;
        double sum = 0, squares = 0, gradients = 0, products = 0;
        for (int64_t c = 0; c < channels; c++) sum += from[c];
        double mean = sum / (double)channels;
        for (int64_t c = 0; c < channels; c++) squares += (from[c] - mean) * (from[c] - mean);
        double factor = 1 / sqrt(squares / (double)channels + work->epsilon);
        for (int64_t c = 0; c < channels; c++) {
            double n = (from[c] - mean) * factor, g = (double)gradient[c] * work->scale[c];
            gradients += g;
            products += g * n;
            scale_sums[c] += gradient[c] * n;
            shift_sums[c] += gradient[c];
        }
        gradients /= (double)channels;
        products /= (double)channels;
        for (int64_t c = 0; c < channels; c++) {
            double n = (from[c] - mean) * factor, g = (double)gradient[c] * work->scale[c];
            to[c] = (float)((g - gradients - n * products) * factor);
        }
    }
}

// q, k, v, the output's gradient and the three results of one head (tokens x head each), probabilities and their
// gradients (tokens x tokens), then the tokens' places and regions.
size_t CK_window_backward_scratch(const CK_WindowAttention *work) {
    size_t tokens = (size_t)(work->window_height * work->window_width), head = (size_t)(work->channels / work->heads);
    return 7 * tokens * head + 2 * tokens * tokens + 2 * tokens;
}

struct head_pass {
    float *q, *k, *v, *gradient, *dq, *dk, *dv, *chances, *slopes;
    int32_t *places, *regions;
    int64_t tokens, head;
    float scale;
};

static void find_tokens(const CK_WindowAttention *work, struct head_pass *m, int64_t window) {
    int64_t columns = work->padded_width / work->window_width;
    int64_t top = window / columns * work->window_height, left = window % columns * work->window_width;
    for (int64_t t = 0; t < m->tokens; t++) {
        int64_t row = top + t / work->window_width, column = left + t % work->window_width;
        m->places[t] = (int32_t)source_of(work, row, column);
        m->regions[t] = (int32_t)(3 * strip(row, work->padded_height, work->window_height, work->shift_rows) +
                                  strip(column, work->padded_width, work->window_width, work->shift_columns));
    }
}

// The softmax of the scores, as forward.
CK_CLONES static void find_chances(const struct head_pass *m, const float *bias, int masked) {
    for (int64_t i = 0; i < m->tokens; i++) {
        float *row = m->chances + i * m->tokens;
        float largest = -INFINITY, total = 0;
        for (int64_t j = 0; j < m->tokens; j++) {
            float sum = 0;
            for (int64_t c = 0; c < m->head; c++) sum += m->q[i * m->head + c] * m->k[j * m->head + c];
            row[j] = sum * m->scale + bias[i * m->tokens + j];
            if (masked && m->regions[i] != m->regions[j]) row[j] -= 100.0f;
            if (row[j] > largest) largest = row[j];
        }
        for (int64_t j = 0; j < m->tokens; j++) row[j] = exponential(row[j] - largest);
        for (int64_t j = 0; j < m->tokens; j++) total += row[j];
        for (int64_t j = 0; j < m->tokens; j++) row[j] /= total;
    }
}

// out = P v and s = scale q k^T + bias give dv = P^T g, dP = g v^T, ds = P (dP - sum(P dP)), dq = scale ds k and
// dk = scale ds^T q.
CK_CLONES static void reverse_head(const struct head_pass *m) {
    size_t size = (size_t)(m->tokens * m->head) * sizeof(float);
    memset(m->dq, 0, size);
    memset(m->dk, 0, size);
    memset(m->dv, 0, size);
    for (int64_t i = 0; i < m->tokens; i++) {
        const float *chances = m->chances + i * m->tokens, *g = m->gradient + i * m->head;
        float *slopes = m->slopes + i * m->tokens;
        float total = 0;
        for (int64_t j = 0; j < m->tokens; j++) {
            float sum = 0;
            for (int64_t c = 0; c < m->head; c++) sum += g[c] * m->v[j * m->head + c];
            slopes[j] = sum;
            total += chances[j] * sum;
        }
        for (int64_t j = 0; j < m->tokens; j++) {
            float chance = chances[j], slope = chance * (slopes[j] - total);
            slopes[j] = slope;
            for (int64_t c = 0; c < m->head; c++) {
                m->dv[j * m->head + c] += chance * g[c];
                m->dq[i * m->head + c] += slope * m->scale * m->k[j * m->head + c];
                m->dk[j * m->head + c] += slope * m->scale * m->q[i * m->head + c];
            }
        }
    }
}

static void gather_head(
    const CK_WindowBackward *work, const struct head_pass *m, int64_t image, int64_t head) {
    const CK_WindowAttention *forward = &work->forward;
    int64_t channels = forward->channels, area = forward->height * forward->width;
    size_t bytes = (size_t)m->head * sizeof(float);
    for (int64_t t = 0; t < m->tokens; t++) {
        const float *at = (m->places[t] < 0 ? forward->padding
                                            : forward->qkv + (image * area + m->places[t]) * 3 * channels) +
                          head * m->head;
        memcpy(m->q + t * m->head, at, bytes);
        memcpy(m->k + t * m->head, at + channels, bytes);
        memcpy(m->v + t * m->head, at + 2 * channels, bytes);
        if (m->places[t] < 0)
            memset(m->gradient + t * m->head, 0, bytes);  // its output is cut off
        else
            memcpy(
                m->gradient + t * m->head,
                work->gradient + (image * area + m->places[t]) * channels + head * m->head, bytes);
    }
}

static void scatter_head(
    const CK_WindowBackward *work, const struct head_pass *m, int64_t image, int64_t head, double *padding) {
    int64_t channels = work->forward.channels, area = work->forward.height * work->forward.width;
    const float *results[3] = {m->dq, m->dk, m->dv};
    for (int64_t t = 0; t < m->tokens; t++)
        for (int64_t part = 0; part < 3; part++) {
            int64_t first = part * channels + head * m->head;
            const float *from = results[part] + t * m->head;
            if (m->places[t] >= 0)
                memcpy(
                    work->qkv_gradient + (image * area + m->places[t]) * 3 * channels + first, from,
                    (size_t)m->head * sizeof(float));
            else
                for (int64_t c = 0; c < m->head; c++) padding[first + c] += from[c];
        }
}

void CK_window_attention_backward(const CK_WindowBackward *work, int64_t index, float *scratch) {
    const CK_WindowAttention *forward = &work->forward;
    struct head_pass m;
    m.tokens = forward->window_height * forward->window_width;
    m.head = forward->channels / forward->heads;
    m.scale = forward->scale;
    int64_t size = m.tokens * m.head, square = m.tokens * m.tokens;
    float **parts[] = {&m.q, &m.k, &m.v, &m.gradient, &m.dq, &m.dk, &m.dv};
    for (int i = 0; i < 7; i++) *parts[i] = scratch + i * size;
    m.chances = scratch + 7 * size;
    m.slopes = m.chances + square;
    m.places = (int32_t *)(m.slopes + square);
    m.regions = m.places + m.tokens;
    int masked = forward->shift_rows > 0 || forward->shift_columns > 0;
    int64_t of_image = forward->padded_height / forward->window_height * (forward->padded_width / forward->window_width);
    double *bias = work->sums + index * (forward->heads * square + 3 * forward->channels);
    double *padding = bias + forward->heads * square;
    memset(bias, 0, (size_t)(forward->heads * square + 3 * forward->channels) * sizeof(double));
    int64_t last = work->windows * (index + 1) / work->parts;
    for (int64_t window = work->windows * index / work->parts; window < last; window++) {
        find_tokens(forward, &m, window % of_image);
        for (int64_t head = 0; head < forward->heads; head++) {
            gather_head(work, &m, window / of_image, head);
            find_chances(&m, forward->bias + head * square, masked);
            reverse_head(&m);
            scatter_head(work, &m, window / of_image, head, padding);
            for (int64_t i = 0; i < square; i++) bias[head * square + i] += m.slopes[i];
        }
    }
}

void CK_space_to_depth_backward(const CK_SpaceToDepth *work, int64_t index) {
    int64_t row = index % work->height, image = index / work->height;
    int64_t channels = work->channels, parts = work->block * work->block;
    const float *from = work->source + index * work->width * parts * channels;
    float *to = work->destination + image * work->source_height * work->source_width * channels;
    for (int64_t x = 0; x < work->width; x++)
        for (int64_t p = 0; p < parts; p++, from += channels) {
            int64_t sy = row * work->block + work->row_offsets[p], sx = x * work->block + work->column_offsets[p];
            if (sy < work->source_height && sx < work->source_width)
                memcpy(to + (sy * work->source_width + sx) * channels, from, (size_t)channels * sizeof(float));
        }
}
