// The Winograd kernels for one vector width. winograd.c includes this file once per width, having defined LANES, ROWS
// (tiles multiplied at once: as many as fit the registers with two vectors each), NAME(x) and TARGET.

typedef float NAME(vector) __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int32_t NAME(mask) __attribute__((vector_size(LANES * 4)));
#define VECTOR NAME(vector)
#define LOAD(p) (*(const VECTOR *)(p))
#define STORE(p, v) (*(VECTOR *)(p) = (v))
// m ? a : b in every lane; unlike a maximum it lets a NaN through.
#define SELECT(m, a, b) ((VECTOR)(((m) & (NAME(mask))(a)) | (~(m) & (NAME(mask))(b))))
#define UNROLL _Pragma("clang loop unroll(full)")

// r = B^T d.
static inline __attribute__((always_inline)) void NAME(transform_input)(const VECTOR d[6], VECTOR r[6]) {
    VECTOR even_p = d[4] - Q2 * d[2], odd_p = P * (d[3] - Q2 * d[1]);
    VECTOR even_q = d[4] - P2 * d[2], odd_q = Q * (d[3] - P2 * d[1]);
    r[0] = P2 * Q2 * d[0] - (P2 + Q2) * d[2] + d[4];
    r[1] = even_p + odd_p;
    r[2] = even_p - odd_p;
    r[3] = even_q + odd_q;
    r[4] = even_q - odd_q;
    r[5] = P2 * Q2 * d[1] - (P2 + Q2) * d[3] + d[5];
}

// r = A^T m.
static inline __attribute__((always_inline)) void NAME(transform_output)(const VECTOR m[6], VECTOR r[4]) {
    VECTOR sum_p = m[1] + m[2], difference_p = m[1] - m[2];
    VECTOR sum_q = m[3] + m[4], difference_q = m[3] - m[4];
    r[0] = m[0] + sum_p + sum_q;
    r[1] = P * difference_p + Q * difference_q;
    r[2] = P2 * sum_p + Q2 * sum_q;
    r[3] = P * P2 * difference_p + Q * Q2 * difference_q + m[5];
}

// Tiles whose columns are transformed before their rows are: bounds the memory on the stack.
enum { NAME(strip) = 14 };

TARGET static void NAME(gather)(const CK_Winograd *w, int64_t index) {
    int64_t row = index / w->source_blocks, block = index % w->source_blocks;
    int64_t image = (w->first_row + row) / w->tile_rows, tile_row = (w->first_row + row) % w->tile_rows;
    const float *plane = w->source + (image * w->source_blocks + block) * w->source_height * w->source_width * LANES;
    float *tiles = w->tiles + (block * w->rows + row) * w->tile_columns * LANES;
    int64_t y = 4 * tile_row - w->top;
    int first_inside = y < 0 ? (int)-y : 0;
    int last_inside = w->source_height - y < 6 ? (int)(w->source_height - y) : 6;
    VECTOR columns[4 * NAME(strip) + 2][6];
    for (int64_t first = 0; first < w->tile_columns; first += NAME(strip)) {
        int64_t count = w->tile_columns - first < NAME(strip) ? w->tile_columns - first : NAME(strip);
        for (int64_t c = 0; c < 4 * count + 2; c++) {
            int64_t x = 4 * first - w->left + c;
            VECTOR d[6] = {{0}};
            if (x >= 0 && x < w->source_width) {
                const float *from = plane + (y * w->source_width + x) * LANES;
                if (first_inside == 0 && last_inside == 6) {
                    UNROLL for (int k = 0; k < 6; k++) d[k] = LOAD(from + k * w->source_width * LANES);
                } else {
                    for (int k = first_inside; k < last_inside; k++) d[k] = LOAD(from + k * w->source_width * LANES);
                }
            }
            NAME(transform_input)(d, columns[c]);
        }
        for (int64_t t = 0; t < count; t++) {
            float *at = tiles + (first + t) * LANES;
            UNROLL for (int i = 0; i < 6; i++) {
                VECTOR d[6], r[6];
                UNROLL for (int k = 0; k < 6; k++) d[k] = columns[4 * t + k][i];
                NAME(transform_input)(d, r);
                UNROLL for (int j = 0; j < 6; j++) STORE(at + (i * 6 + j) * w->tile_stride, r[j]);
            }
        }
    }
}

// products[v][r] = sum over channels of tiles[channel][r] * weights[v][channel], all in registers. Meanwhile `lines` cache
// lines a block are fetched from `ahead`, the weights that come next: they are too many to be in a cache already.
static inline __attribute__((always_inline)) void NAME(multiply_rows)(
    const int rows, const int vectors, const float *tiles, const float *weights, float *products, int64_t blocks,
    int64_t count, const float *ahead, int64_t lines) {
    VECTOR sums[ROWS][2];
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = (VECTOR){0};
    for (int64_t block = 0; block < blocks; block++) {
        for (int64_t line = 0; line < lines; line++) __builtin_prefetch(ahead + line * 16, 0, 2);
        ahead += lines * 16;
        for (int c = 0; c < LANES; c++) {
            VECTOR u[2];
            UNROLL for (int v = 0; v < vectors; v++) u[v] = LOAD(weights + (v * blocks * LANES + c) * LANES);
            UNROLL for (int r = 0; r < rows; r++) {
                float x = tiles[r * LANES + c];
                UNROLL for (int v = 0; v < vectors; v++) sums[r][v] += x * u[v];
            }
        }
        tiles += count * LANES;
        weights += LANES * LANES;
    }
    UNROLL for (int v = 0; v < vectors; v++)
        UNROLL for (int r = 0; r < rows; r++) STORE(products + (v * count + r) * LANES, sums[r][v]);
}

#define CASE(n)                                                                                                       \
    case n:                                                                                                           \
        if (vectors == 2) NAME(multiply_rows)(n, 2, tiles, weights, products, w->source_blocks, count, ahead, lines); \
        else NAME(multiply_rows)(n, 1, tiles, weights, products, w->source_blocks, count, ahead, lines);              \
        break;

TARGET static void NAME(multiply)(const CK_Winograd *w, int64_t index) {
    int64_t pairs = (w->destination_blocks + 1) / 2;
    int64_t position = index / pairs, block = index % pairs * 2;
    int vectors = block + 1 < w->destination_blocks ? 2 : 1;
    int64_t count = w->rows * w->tile_columns;
    const float *weights = w->weights + (position * w->destination_blocks + block) * w->source_blocks * LANES * LANES;
    int64_t pieces = (count + ROWS - 1) / ROWS;
    // This thread's next call takes the pair behind this one, as a rule; each piece fetches its share of it.
    int64_t lines = (2 * LANES * LANES / 16 + pieces - 1) / pieces;
    const float *ahead = weights + 2 * w->source_blocks * LANES * LANES;
    for (int64_t piece = 0; piece < pieces; piece++) {
        int64_t from = piece * count / pieces, to = (piece + 1) * count / pieces;
        const float *tiles = w->tiles + position * w->tile_stride + from * LANES;
        float *products = w->products + position * w->product_stride + (block * count + from) * LANES;
        switch (to - from) {
            CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#if ROWS > 6
            CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
#endif
        }
        ahead += lines * w->source_blocks * 16;
    }
}

TARGET static void NAME(scatter)(const CK_Winograd *w, int64_t index) {
    int64_t row = index / w->destination_blocks, block = index % w->destination_blocks;
    int64_t image = (w->first_row + row) / w->tile_rows, tile_row = (w->first_row + row) % w->tile_rows;
    const float *products = w->products + (block * w->rows + row) * w->tile_columns * LANES;
    float *plane = w->destination + (image * w->destination_blocks + block) * w->height * w->width * LANES;
    int64_t y = 4 * tile_row, rows = w->height - y < 4 ? w->height - y : 4;
    VECTOR bias = LOAD(w->bias + block * LANES), floor = (VECTOR){0} + w->floor, cap = (VECTOR){0} + w->cap;
    for (int64_t tile = 0; tile < w->tile_columns; tile++) {
        int64_t columns = w->width - 4 * tile < 4 ? w->width - 4 * tile : 4;
        VECTOR half[6][4];
        UNROLL for (int j = 0; j < 6; j++) {
            VECTOR m[6];
            UNROLL for (int i = 0; i < 6; i++) m[i] = LOAD(products + tile * LANES + (i * 6 + j) * w->product_stride);
            NAME(transform_output)(m, half[j]);
        }
        for (int64_t k = 0; k < rows; k++) {
            VECTOR m[6], r[4];
            UNROLL for (int j = 0; j < 6; j++) m[j] = half[j][k];
            NAME(transform_output)(m, r);
            float *to = plane + ((y + k) * w->width + 4 * tile) * LANES;
            for (int64_t x = 0; x < columns; x++) {
                VECTOR value = r[x] + bias;
                if (w->adds) value += LOAD(to + x * LANES);
                value = SELECT(value < floor, floor, value);
                STORE(to + x * LANES, SELECT(value > cap, cap, value));
            }
        }
    }
}

#undef VECTOR
#undef LOAD
#undef STORE
#undef SELECT
#undef UNROLL
#undef CASE
