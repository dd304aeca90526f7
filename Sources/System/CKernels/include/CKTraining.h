// Losses of segmentation and updates of parameters; included by CKernels.h, whose rules hold here: one thread computes
// an element, sums are made part by part, and the parts do not depend on the number of threads.
#ifndef CKTRAINING_H
#define CKTRAINING_H

#include <stdint.h>

// ---- losses ----

// What CK_softmax_loss and CK_sigmoid_loss add up in float64, before three sums for every class: the products of
// probability and truth, the probabilities (squared where `squares` is set), and the truth.
enum {
    CK_LOSS_PIXELS,         // pixels that count
    CK_LOSS_OUTSIDE,        // pixels whose label is no class
    CK_LOSS_WEIGHTS,        // the weights of the pixels' classes
    CK_LOSS_CROSS_ENTROPY,  // weight * -log p(label)
    CK_LOSS_BINARY,         // binary cross-entropy of every channel, times its weight
    CK_LOSS_FOCAL,          // weight * (1 - p(label))^gamma * -log p(label)
    CK_LOSS_CLASSES,
};
enum { CK_LOSS_SEGMENT = 2048 };

// N x K x positions logits with N x positions labels; K = 1 (sigmoid) stands for two classes.
typedef struct {
    const float *logits;
    const uint8_t *labels;
    const float *weights;  // one a class
    float *gradient;       // as the logits: the probabilities after the sums, the derivatives after the second call
    float *slopes;         // N x positions: the focal term's derivative by log-odds; NULL without that term
    double *sums;          // segments x (CK_LOSS_CLASSES + 3 * classes)
    // For every group of images (one image, or all) and class: the derivative of the Dice term by a probability p with
    // truth t is [0] * t + [1] * p + [2].
    const float *dice;
    int64_t channels, positions, images_per_group;
    int32_t ignored;  // the label that takes part in nothing, or -1
    int32_t squares, has_dice, has_binary;
    float gamma;
    // What one pixel's terms weigh in the gradient: 1 / (sum of weights), 1 / elements, 1 / pixels; 0 without the term.
    float cross_entropy, binary, focal;
} CK_Loss;
// The sums and the probabilities. One call: up to CK_LOSS_SEGMENT positions of one image (index = image * segments +
// segment, where an image has (positions + CK_LOSS_SEGMENT - 1) / CK_LOSS_SEGMENT segments).
void CK_softmax_loss(const CK_Loss *work, int64_t index);
void CK_sigmoid_loss(const CK_Loss *work, int64_t index);
// The derivatives by the logits, from the probabilities. One call: as above.
void CK_softmax_loss_gradient(const CK_Loss *work, int64_t index);
void CK_sigmoid_loss_gradient(const CK_Loss *work, int64_t index);

// ---- updates ----

// One parameter's update, in the order of PyTorch's operations. One call: CK_SEGMENT elements.
typedef struct {
    float *values;
    const float *gradient;
    float *first, *second;  // SGD: momentum or NULL, not used; Adam: both moments
    int64_t count;
    float scale;         // of the gradient
    float rate;          // SGD: learning rate; Adam: learning rate / (1 - beta1^t)
    float decay;         // added to the gradient: decay * value
    float shrink;        // multiplies the value first (AdamW)
    float momentum;      // SGD
    float first_weight;  // 1 - beta1
    float second_factor, second_weight;  // beta2, 1 - beta2
    float second_scale;  // sqrt(1 - beta2^t)
    float epsilon;
    int32_t is_nesterov;
} CK_Update;
void CK_sgd(const CK_Update *work, int64_t index);
void CK_adam(const CK_Update *work, int64_t index);

// Element by element over `count` floats. One call: CK_SEGMENT of them.
typedef struct {
    const float *source;
    float *destination;
    int64_t count;
    float scale;
} CK_Scaling;
void CK_scaled(const CK_Scaling *work, int64_t index);         // destination = scale * source
void CK_add_scaled(const CK_Scaling *work, int64_t index);     // destination += scale * source
void CK_move_towards(const CK_Scaling *work, int64_t index);   // destination += scale * (source - destination)
double CK_sum_of_squares(const CK_Scaling *work, int64_t index);  // of the source
#endif
