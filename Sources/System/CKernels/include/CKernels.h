// Small loops between oneDNN's primitives, in C for one reason: Swift cannot compile one function for several
// instruction sets and choose at load time, C can (target_clones). Every result element is computed by one thread in a
// fixed order, so values never depend on the number of threads.
//
// Maps are N x blocks x positions x lanes: lanes = 16 or 8 for blocked layouts (channels padded with zeros),
// lanes = C and blocks = 1 for channels-last, lanes = 1 and blocks = C for plain NCHW.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

// destination[n][b][y][x][l] = source[n][b][y*stride][x*stride][l] for b < source_blocks, else 0.
// One call does one (image, destination block).
typedef struct {
    const float *source;
    float *destination;
    int64_t source_blocks, destination_blocks, lanes, source_height, source_width, height, width, stride;
} CK_Subsample;
void CK_subsample(const CK_Subsample *work, int64_t index);

// Copies a map into the middle of a larger one whose other positions hold `value` (0 in padding lanes beyond
// `channels`). One call does one (image, block).
typedef struct {
    const float *source;
    float *destination;
    int64_t blocks, lanes, channels, source_height, source_width, height, width, top, left;
    float value;
} CK_Pad;
void CK_pad(const CK_Pad *work, int64_t index);

// destination = source * scale[c] + shift[c]; scale and shift hold blocks * lanes entries, or that many for every image
// where their flag is set. One call: (image, block).
typedef struct {
    const float *source, *scale, *shift;
    float *destination;
    int64_t blocks, lanes, positions, scale_per_image, shift_per_image;
} CK_Affine;
void CK_affine(const CK_Affine *work, int64_t index);

// Copies `channels` channels of the source into the destination beginning at channel `first`, whatever the lanes.
// Only for channel offsets that are not a multiple of the lanes. One call: one image.
typedef struct {
    const float *source;
    float *destination;
    int64_t channels, first, source_blocks, destination_blocks, lanes, positions;
} CK_CopyChannels;
void CK_copy_channels(const CK_CopyChannels *work, int64_t index);

// Channels-last: each block x block neighbourhood becomes channels, in the given order of offsets; positions beyond the
// edge give zeros. One call: one row of one image.
typedef struct {
    const float *source;
    float *destination;
    const int64_t *row_offsets, *column_offsets;  // block * block of each
    int64_t channels, block, source_height, source_width, height, width;
} CK_SpaceToDepth;
void CK_space_to_depth(const CK_SpaceToDepth *work, int64_t index);

// Normalises each row of `channels` values: (x - mean) / sqrt(variance + epsilon) * scale + shift. One call: `rows`
// rows, beginning at index * rows, as far as there are `total` rows.
typedef struct {
    const float *source, *scale, *shift;
    float *destination;
    int64_t channels, rows, total;
    float epsilon;
} CK_LayerNorm;
void CK_layer_norm(const CK_LayerNorm *work, int64_t index);

// Attention in shifted windows, channels-last. qkv is N x H x W x 3C, output N x H x W x C; channels of q, k, v are
// heads x head_size. One call: one window of one image, all heads. `scratch` holds CK_window_scratch floats.
typedef struct {
    const float *qkv;        // N x H x W x 3C
    const float *padding;    // 3C: the qkv of a padded position (its bias)
    const float *bias;       // heads x T x T, T = window_height * window_width
    float *output;           // N x H x W x C
    float *scratch;          // threads x CK_window_scratch
    int64_t height, width, channels, heads, window_height, window_width;
    int64_t padded_height, padded_width, shift_rows, shift_columns;
    int64_t pads_after_shift;  // 0: pad, then shift (torchvision); 1: shift, then pad (timm)
    float scale;
} CK_WindowAttention;
size_t CK_window_scratch(const CK_WindowAttention *work);
void CK_window_attention(const CK_WindowAttention *work, int64_t index, float *scratch);

// Channels-last tokens: destination[t] = table[t], plus source[t - prefix] from token `prefix` on. One call: one image.
typedef struct {
    const float *source;  // N x positions x C
    const float *table;   // (prefix + positions) x C
    float *destination;   // N x (prefix + positions) x C
    int64_t channels, positions, prefix;
} CK_Tokens;
void CK_tokens(const CK_Tokens *work, int64_t index);

// Attention over all tokens of an image: qkv is N x T x 3C, output N x T x C; channels of q, k, v are heads x head_size.
// One call: one head of one image (index = image * heads + head). `scratch` holds CK_self_attention_scratch floats.
typedef struct {
    const float *qkv;
    float *output;
    int64_t tokens, channels, heads;
    float scale;
} CK_SelfAttention;
size_t CK_self_attention_scratch(const CK_SelfAttention *work);
void CK_self_attention(const CK_SelfAttention *work, int64_t index, float *scratch);

// A 3x3 convolution of stride 1 over blocked maps (16 or 8 lanes) by Winograd's F(4x4, 3x3), in three steps that each
// need the one before to be complete, over `rows` rows of tiles beginning at `first_row` (rows count through the images:
// image * tile_rows + row). A tile is 4x4 outputs.
typedef struct {
    const float *source;
    const float *weights;  // from CK_winograd_weights
    const float *bias;     // destination_blocks * lanes
    float *destination;
    float *tiles;     // 36 x (source blocks x tiles x lanes), `tile_stride` floats from one of the 36 to the next
    float *products;  // 36 x (destination blocks x tiles x lanes), `product_stride` floats apart
    int64_t lanes, source_blocks, destination_blocks;
    int64_t source_height, source_width, height, width, top, left;  // sizes, and padding before the first row and column
    int64_t tile_rows, tile_columns;  // of one image
    int64_t first_row, rows;
    int64_t tile_stride, product_stride;
    int64_t adds;      // 1: to what the destination holds
    float floor, cap;  // results are clipped to this range
} CK_Winograd;
// Transforms the inputs. One call: one row of tiles of one source block (index = row * source_blocks + block).
void CK_winograd_gather(const CK_Winograd *work, int64_t index);
// Multiplies. One call: one of the 36 positions and two destination blocks (index = position * pairs + pair).
void CK_winograd_multiply(const CK_Winograd *work, int64_t index);
// Transforms the outputs. One call: one row of tiles of one destination block.
void CK_winograd_scatter(const CK_Winograd *work, int64_t index);
// Transforms kernels outputs x inputs x 3 x 3 (both counts whole blocks) to 36 x output blocks x inputs x lanes.
// One call: one output block.
void CK_winograd_weights(
    const float *kernels, float *weights, int64_t inputs, int64_t outputs, int64_t lanes, int64_t index);

// ---- the reverse pass ----

// Element by element over `count` floats. One call: CK_SEGMENT of them.
typedef struct {
    const float *a, *b, *c;
    float *destination;  // may be a, b or c
    int64_t count;
    float limit;
} CK_Pointwise;
enum { CK_SEGMENT = 16384 };
void CK_accumulate(const CK_Pointwise *work, int64_t index);     // destination += a
void CK_product(const CK_Pointwise *work, int64_t index);        // destination = a b
void CK_relu_backward(const CK_Pointwise *work, int64_t index);  // destination = a (+ c) where 0 < b < limit, else 0
void CK_hard_sigmoid_backward(const CK_Pointwise *work, int64_t index);  // destination = limit a where 0 < b < 1, else 0
void CK_inverse_root_backward(const CK_Pointwise *work, int64_t index);  // destination = -a b^3 / 2

// Per image and channel, the sum over the positions of a b (or of a, where b is NULL), in float64.
// One call: one (image, block).
typedef struct {
    const float *a, *b;
    float *sums;
    int64_t lanes, positions;
} CK_ChannelSums;
void CK_channel_sums(const CK_ChannelSums *work, int64_t index);

// The reverse of CK_copy_channels: `channels` channels of the source from channel `first` on become the destination,
// whose last block is filled up with zeros. One call: one image.
void CK_take_channels(const CK_CopyChannels *work, int64_t index);

// The reverse of CK_subsample, with its work: `source` holds what came out there (its destination's shape) and
// `destination` receives the shape that went in. One call: one (image, source block).
void CK_subsample_backward(const CK_Subsample *work, int64_t index);

// The reverse of CK_pad, with its work: `source` has the padded shape, `destination` the other. One call: (image, block).
void CK_crop(const CK_Pad *work, int64_t index);

// Sums each rows x columns window of a map of height * rows x width * columns. One call: (image, block).
typedef struct {
    const float *source;
    float *destination;
    int64_t lanes, height, width, rows, columns;
} CK_Enlarge;
void CK_enlarge_backward(const CK_Enlarge *work, int64_t index);

// The end of a 2x2 convolution of a doubled map (DoublingConvolution.swift): sums of the four taps' products, which lie
// at the map's size before it was doubled. One call: (image, block).
typedef struct {
    const float *products;  // N x 4 x blocks x height x width x lanes; taps in the order top left, right, bottom left, right
                            // (N x 9 for a 3x3 convolution; in the order of DoublingConvolution3.swift)
    const float *bias;      // blocks x lanes
    float *destination;     // N x blocks x 2 height x 2 width x lanes
    int64_t blocks, lanes, height, width;
    int64_t band;           // CK_doubling3: rows of the small map in a call
    float floor, cap;       // the sums are clipped to this range
} CK_Doubling;
void CK_doubling(const CK_Doubling *work, int64_t index);
// The same of a 3x3 convolution. One call: (image, block, band).
void CK_doubling3(const CK_Doubling *work, int64_t index);

// Its reverse: the derivatives by the products from those by the destination. One call: (image, block).
typedef struct {
    const float *gradient;     // N x blocks x 2 height x 2 width x lanes
    float *products_gradient;  // N x 4 x blocks x height x width x lanes
    int64_t blocks, lanes, height, width;
} CK_DoublingBackward;
void CK_doubling_backward(const CK_DoublingBackward *work, int64_t index);

// The derivatives of CK_layer_norm, with its work's meaning. The rows are divided among `parts`; each part sums the
// derivatives by scale and shift of its rows into its own row of `sums`, parts x 2 x C. One call: one part.
typedef struct {
    const float *source, *scale, *gradient;
    float *destination;
    double *sums;
    int64_t channels, total, parts;
    float epsilon;
} CK_LayerNormBackward;
void CK_layer_norm_backward(const CK_LayerNormBackward *work, int64_t index);

// The derivatives of CK_window_attention by qkv, by the bias and by the padding. The windows are divided among `parts`;
// each part sums the latter two over its windows: parts x (heads T T + 3 C). One call: one part, with
// CK_window_backward_scratch floats.
typedef struct {
    CK_WindowAttention forward;  // its output and scratch are not used
    const float *gradient;       // N x H x W x C
    float *qkv_gradient;         // N x H x W x 3C
    double *sums;
    int64_t windows, parts;
} CK_WindowBackward;
size_t CK_window_backward_scratch(const CK_WindowAttention *work);
void CK_window_attention_backward(const CK_WindowBackward *work, int64_t index, float *scratch);

// The derivatives of CK_self_attention by qkv. One call: one head of one image, with CK_self_attention_backward_scratch
// floats.
typedef struct {
    CK_SelfAttention forward;  // its output is not used
    const float *gradient;     // N x T x C
    float *qkv_gradient;       // N x T x 3C
} CK_SelfAttentionBackward;
size_t CK_self_attention_backward_scratch(const CK_SelfAttention *work);
void CK_self_attention_backward(const CK_SelfAttentionBackward *work, int64_t index, float *scratch);

// The derivative of CK_tokens by the map. One call: one image.
typedef struct {
    const float *gradient;  // N x (prefix + positions) x C
    float *destination;     // N x positions x C
    int64_t channels, positions, prefix;
} CK_TokensBackward;
void CK_tokens_backward(const CK_TokensBackward *work, int64_t index);

// The reverse of CK_space_to_depth, with its work: `source` holds what came out there, `destination` receives what went
// in. One call: one row of what came out.
void CK_space_to_depth_backward(const CK_SpaceToDepth *work, int64_t index);

// Transforms kernels that lie in blocks, [block][block][9][lanes][lanes] with the outputs' lanes innermost, for
// CK_winograd_multiply. `output_stride` and `input_stride` say how many floats lie between neighbouring blocks; flipped
// kernels are read from the last tap to the first. One call: one output block.
typedef struct {
    const float *kernels;
    float *weights;
    int64_t inputs, outputs, lanes, output_stride, input_stride;
    int64_t is_flipped;
} CK_WinogradKernels;
void CK_winograd_blocked_weights(const CK_WinogradKernels *work, int64_t index);

// Sums over one vector, in float64. Taking the first entry off everything first keeps a large mean from eating the
// spread: no entry is further than sqrt(count) standard deviations from the mean.
typedef struct {
    double sum;              // of (x - first)
    double shifted_squares;  // of (x - first)^2
    double squares;          // of x^2
    float first;
    int32_t is_constant;
} CK_Moments;
void CK_moments(const float *values, int64_t count, CK_Moments *out);

// The mean of each of `rows` rows of `length` values, summed in float64.
void CK_row_means(const float *values, float *means, int64_t rows, int64_t length);

// Sums over the entries of pairs of vectors: up to 2 x 2 pairs a tile. left[1] and right[1] must be readable even where
// the tile is narrower.
typedef struct {
    const float *left[2], *right[2];
    float left_shift[2], right_shift[2];
    int64_t rows, columns;  // 1 or 2
} CK_PairTile;
enum { CK_PAIR_SEGMENT = 8192 };
typedef struct {
    const CK_PairTile *tiles;
    int64_t tile_count, dimension;
    int64_t products, differences, centered;  // which of the three sums below are wanted
    // Added to: segments x tiles x {a b, (a - b)^2, (a - shift)(b - shift)} x {left 0 right 0, 0 1, 1 0, 1 1}
    double *sums;
} CK_PairSums;
// One call: CK_PAIR_SEGMENT entries of all pairs.
void CK_pair_sums(const CK_PairSums *work, int64_t segment);

// Lets the C library keep freed blocks of any size for reuse. Without it every feature map of a batch is mapped and
// zeroed by the kernel anew, which costs a tenth of a forward pass. Affects the whole process: for programs, not libraries.
void CK_keep_freed_memory(void);

#include "CKTraining.h"
#endif
