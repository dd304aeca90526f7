// The operations a network is made of. All tensors are maps N×C×h×w: a token sequence is the map it was flattened
// from, and a Linear over tokens is a 1×1 convolution.

public import Formats

/// A parameter an operation needs: its canonical (PyTorch) name and shape.
public struct Parameter: Sendable, Hashable, Codable {
    /// The name under which the values are bound.
    public var name: String
    /// The shape in PyTorch's layout; convolution kernels are O×I/groups×h×w.
    public var shape: Shape

    /// Names a parameter.
    public init(_ name: String, _ shape: Shape) {
        self.name = name
        self.shape = shape
    }
}

/// Rows and columns added around a map.
public struct Padding: Sendable, Hashable, Codable {
    /// Rows above, columns left, rows below, columns right.
    public var top: Int, left: Int, bottom: Int, right: Int

    /// Pads each side by its own amount.
    public init(top: Int, left: Int, bottom: Int, right: Int) {
        self.top = top
        self.left = left
        self.bottom = bottom
        self.right = right
    }

    /// Pads all sides alike.
    public init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }

    /// No padding.
    public static let none = Padding(0)
}

/// A pair of sizes along rows and columns.
public struct Size2: Sendable, Hashable, Codable {
    /// Along rows (h) and columns (w).
    public var height: Int, width: Int

    /// A size per axis.
    public init(_ height: Int, _ width: Int) {
        self.height = height
        self.width = width
    }

    /// The same size along both axes.
    public init(_ both: Int) { self.init(both, both) }
}

/// How much a window operation pads: fixed, or TensorFlow's "same", which depends on the input's size.
public enum PaddingRule: Sendable, Hashable, Codable {
    /// The given rows and columns, as PyTorch does.
    case fixed(Padding)
    /// TensorFlow's rule: output = ⌈input / stride⌉, the odd row or column goes below and right.
    case same
}

/// An operation of a ``Graph``.
public enum Op: Sendable, Hashable, Codable {
    /// The network's input, N×channels×h×w.
    case input(channels: Int)
    /// 2-D convolution (cross-correlation).
    case convolution(Convolution)
    /// 2-D transposed convolution; the weight is I×O/groups×h×w as in PyTorch.
    case transposedConvolution(Convolution, outputPadding: Size2)
    /// Batch normalisation with running statistics.
    case batchNorm(BatchNorm)
    /// Normalisation over the channels at each position.
    case layerNorm(LayerNorm)
    /// An element-wise function.
    case activation(Activation)
    /// Maximum over windows; padding counts as −∞.
    case maxPool(Window)
    /// Mean over windows.
    case averagePool(Window, countsPadding: Bool)
    /// Mean over all positions, N×C×1×1.
    case globalAveragePool
    /// Sum of the inputs; an N×C×1×1 input is broadcast.
    case add
    /// Product of the inputs; an N×C×1×1 input is broadcast.
    case multiply
    /// The inputs' channels one after another.
    case concatenate
    /// Every `stride`-th row and column, from the first (average pooling with a 1×1 window).
    case subsample(stride: Int)
    /// Zero channels appended up to `channels`.
    case padChannels(to: Int)
    /// Constant rows and columns added around the map.
    case pad(Padding, value: Float)
    /// Enlarges by whole factors.
    case upsample(Size2, Interpolation)
    /// Multiplies by a constant.
    case scale(Float)
    /// Per-channel scale and shift with fixed numbers (input normalisation layers): x·scale + shift.
    case affine(scale: [Float], shift: [Float])
    /// Multiplies each channel with its own learned factor (layer scale): the parameter holds one number a channel.
    case channelScale(Parameter)
    /// Attention within (shifted) windows, with its qkv and output projections (Liu et al. 2021, section 3.2).
    case windowAttention(WindowAttention)
    /// A map's positions as a sequence N×C×1×L: learned tokens first, then the positions row by row, with a position
    /// embedding added (Dosovitskiy et al. 2021, section 3.1).
    case tokens(Tokens)
    /// Multi-head self-attention over all positions: from queries, keys and values N×3C×h×w to N×C×h×w.
    case selfAttention(heads: Int)
    /// The tokens after the first `prefix` as a map; the second input is a map whose height and width it takes.
    case patchMap(prefix: Int)
    /// Moves each `block`×`block` neighbourhood into channels, in the given order of (row, column) offsets; odd edges
    /// are padded with zeros at the bottom and right first (Swin's patch merging).
    case spaceToDepth(block: Int, order: [Size2])
    /// Moves groups of channels to the positions of a `block`×`block` neighbourhood: the k-th group of C/block² channels
    /// to the k-th (row, column) offset (Swin U-Net's patch expanding).
    case depthToSpace(block: Int, order: [Size2])
    /// Drops whole images of a residual branch in training (stochastic depth, Huang et al. 2016).
    case dropPath(DropPath)

    /// A convolution's parameters and geometry.
    public struct Convolution: Sendable, Hashable, Codable {
        /// Kernel O×I/groups×h×w.
        public var weight: Parameter
        /// Bias O, if any.
        public var bias: Parameter?
        /// Steps between windows, padding, spacing of the kernel's taps, channel groups.
        public var stride: Size2, padding: PaddingRule, dilation: Size2, groups: Int

        /// Describes a convolution.
        public init(
            weight: Parameter, bias: Parameter? = nil, stride: Size2 = Size2(1),
            padding: PaddingRule = .fixed(.none), dilation: Size2 = Size2(1), groups: Int = 1
        ) {
            self.weight = weight
            self.bias = bias
            self.stride = stride
            self.padding = padding
            self.dilation = dilation
            self.groups = groups
        }
    }

    /// y = (x − mean) / √(variance + epsilon) · weight + bias, per channel.
    public struct BatchNorm: Sendable, Hashable, Codable {
        /// Scale and shift; nil where the layer has none.
        public var weight: Parameter?, bias: Parameter?
        /// Running statistics.
        public var mean: Parameter, variance: Parameter
        /// Added to the variance.
        public var epsilon: Float

        /// Describes a batch normalisation.
        public init(weight: Parameter?, bias: Parameter?, mean: Parameter, variance: Parameter, epsilon: Float) {
            self.weight = weight
            self.bias = bias
            self.mean = mean
            self.variance = variance
            self.epsilon = epsilon
        }
    }

    /// y = (x − mean) / √(variance + epsilon) · weight + bias, over the channels of each position.
    public struct LayerNorm: Sendable, Hashable, Codable {
        /// Scale and shift; nil where the layer has none.
        public var weight: Parameter?, bias: Parameter?
        /// Added to the variance.
        public var epsilon: Float

        /// Describes a layer normalisation.
        public init(weight: Parameter?, bias: Parameter?, epsilon: Float) {
            self.weight = weight
            self.bias = bias
            self.epsilon = epsilon
        }
    }

    /// Element-wise functions.
    public enum Activation: Sendable, Hashable, Codable {
        /// max(x, 0), then capped at `cap` if given (ReLU6).
        case relu(cap: Float?)
        /// x for x > 0, else slope·x.
        case leakyRelu(slope: Float)
        /// x·Φ(x), with the error function.
        case gelu
        /// GELU by its tanh approximation.
        case geluTanh
        /// 1 / (1 + e⁻ˣ).
        case sigmoid
        /// x·sigmoid(x), also called swish.
        case silu
        /// Hyperbolic tangent.
        case tanh
        /// x for x > 0, else alpha·(eˣ − 1).
        case elu(alpha: Float)
        /// x·clip(x/6 + 1/2, 0, 1).
        case hardSwish
        /// clip(slope·x + offset, 0, 1): PyTorch and Keras 3 use slope 1/6 and offset 1/2, Keras 2 slope 0.2.
        case hardSigmoid(slope: Float, offset: Float)
        /// log(1 + eˣ).
        case softplus
        /// 1/√(x + epsilon), as normalisations by the image's own statistics need.
        case inverseSquareRoot(epsilon: Float)
    }

    /// A pooling window.
    public struct Window: Sendable, Hashable, Codable {
        /// Window size and steps.
        public var size: Size2, stride: Size2
        /// Rows and columns added; never counted as values.
        public var padding: PaddingRule
        /// Whether a last partial window counts (PyTorch's ceil_mode).
        public var roundsUp: Bool

        /// Describes a window.
        public init(size: Size2, stride: Size2, padding: PaddingRule = .fixed(.none), roundsUp: Bool = false) {
            self.size = size
            self.stride = stride
            self.padding = padding
            self.roundsUp = roundsUp
        }
    }

    /// How ``Op/upsample(_:_:)`` fills new positions.
    public enum Interpolation: String, Sendable, Hashable, Codable {
        /// Copies the source position.
        case nearest
        /// Linear in both directions with half-pixel centres (PyTorch's align_corners=False, Keras' bilinear).
        case bilinear
    }

    /// Multi-head self-attention within windows, cyclically shifted, with a relative position bias.
    public struct WindowAttention: Sendable, Hashable, Codable {
        /// Projection to queries, keys and values: 3C×C, and its bias 3C if any.
        public var qkv: Parameter, qkvBias: Parameter?
        /// Output projection C×C, and its bias C.
        public var projection: Parameter, projectionBias: Parameter?
        /// Relative position bias table (2w−1)²×heads.
        public var biasTable: Parameter
        /// Attention heads, window side, cyclic shift (0 for none).
        public var heads: Int, window: Int, shift: Int
        /// What happens to maps that are not whole windows.
        public var border: Border

        /// How maps whose sides are not multiples of the window are treated. Either way zeros are added at the bottom
        /// and right, take part in the attention with the projections' biases, and are cut off again.
        public enum Border: String, Sendable, Hashable, Codable {
            /// torchvision: pads, then shifts the padded map; an axis that is one window is not shifted.
            case padsThenShifts
            /// timm and the original: shifts the map, then pads; the shift does not depend on the input's size.
            case shiftsThenPads
        }

        /// Describes the attention of one Swin block.
        public init(
            qkv: Parameter, qkvBias: Parameter?, projection: Parameter, projectionBias: Parameter?,
            biasTable: Parameter, heads: Int, window: Int, shift: Int, border: Border
        ) {
            self.qkv = qkv
            self.qkvBias = qkvBias
            self.projection = projection
            self.projectionBias = projectionBias
            self.biasTable = biasTable
            self.heads = heads
            self.window = window
            self.shift = shift
            self.border = border
        }
    }

    /// What becomes of a map that is read as a sequence of tokens.
    public struct Tokens: Sendable, Hashable, Codable {
        /// Learned tokens that stand before the map's positions, each parameter 1×count×C.
        public var prefix: [Parameter]
        /// The position embedding 1×(embedded prefix tokens + grid positions)×C, if any.
        public var positions: Parameter?
        /// Rows and columns that the position embedding was trained for; maps of another size get it resampled.
        public var grid: Size2
        /// How many of the prefix tokens, from the first, have a position embedding.
        public var embeddedPrefix: Int

        /// Describes a sequence of tokens.
        public init(prefix: [Parameter], positions: Parameter?, grid: Size2, embeddedPrefix: Int) {
            self.prefix = prefix
            self.positions = positions
            self.grid = grid
            self.embeddedPrefix = embeddedPrefix
        }

        /// How many tokens stand before the map's.
        public var prefixCount: Int { prefix.reduce(0) { $0 + ($1.shape.rank == 3 ? $1.shape[1] : 0) } }
    }

    /// Stochastic depth of one residual branch.
    public struct DropPath: Sendable, Hashable, Codable {
        /// The probability with which an image's branch is dropped.
        public var rate: Float
        /// Whether kept branches are divided by the probability of keeping in training, and left alone at evaluation
        /// (timm); otherwise they are left alone in training, and multiplied by it at evaluation (the paper's ResNet).
        public var rescales: Bool

        /// Describes stochastic depth.
        public init(rate: Float, rescales: Bool) {
            self.rate = rate
            self.rescales = rescales
        }

        /// What a branch is multiplied by at evaluation.
        public var evaluationFactor: Float { rescales ? 1 : 1 - rate }
        /// What a branch that is kept is multiplied by in training.
        public var trainingFactor: Float { rescales ? 1 / (1 - rate) : 1 }
    }

    /// Every parameter the operation needs.
    public var parameters: [Parameter] {
        switch self {
        case .convolution(let convolution), .transposedConvolution(let convolution, _):
            [convolution.weight] + [convolution.bias].compactMap { $0 }
        case .batchNorm(let norm): [norm.weight, norm.bias, norm.mean, norm.variance].compactMap { $0 }
        case .layerNorm(let norm): [norm.weight, norm.bias].compactMap { $0 }
        case .channelScale(let factors): [factors]
        case .tokens(let tokens): tokens.prefix + [tokens.positions].compactMap { $0 }
        case .windowAttention(let attention):
            [attention.qkv, attention.qkvBias, attention.projection, attention.projectionBias, attention.biasTable]
                .compactMap { $0 }
        default: []
        }
    }
}
