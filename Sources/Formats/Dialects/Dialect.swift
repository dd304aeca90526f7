// The naming dialects: how a code base names and lays out the parameters of a network that others have too.

/// A code base's names and layouts.
public enum Dialect: String, Sendable, Hashable, CaseIterable {
    /// torchvision.models.
    case torchvision
    /// timm.
    case timm
    /// keras.applications; kernels h×w×in×out, Dense in×out.
    case keras
    /// segmentation_models_pytorch: an encoder without its head, below `encoder.`.
    case smp
    /// The code of the paper (MedSegPretrainImageNet).
    case seed

    /// Whether kernels lie as PyTorch has them.
    var isPyTorch: Bool { self != .keras }
}

/// How a variable's values lie in PyTorch and in Keras.
enum VariableLayout: Sendable, Hashable {
    /// The same in both.
    case same
    /// Convolution: O×I×h×w and h×w×I×O.
    case kernel
    /// Keras' DepthwiseConv2D: (C·m)×1×h×w and h×w×C×m.
    case depthwiseKernel
    /// Transposed convolution: I×O×h×w and h×w×O×I.
    case transposedKernel
    /// Linear and Dense: O×I and I×O.
    case linear
    /// The first Dense after a Flatten: O×(C·h·w) and (h·w·C)×O.
    case flattenedLinear(channels: Int, height: Int, width: Int)
}

/// What stands for a variable that the source does not have.
enum VariableFilling: Sendable, Hashable {
    /// It cannot be missing.
    case none
    /// Zeros of this type and shape (in PyTorch's layout): biases, counters.
    case zeros(DType, Shape)
    /// These numbers, float32.
    case values([Float])
    /// The index buffer that torchvision's Swin keeps for windows of this side.
    case relativePositionIndex(window: Int)
}

/// One parameter or buffer of a network, by its name in each dialect that has it.
struct DialectVariable: Sendable {
    /// The full name in each dialect; where there are several, the first is written and any is read.
    var names: [Dialect: [String]]
    /// The name in the file, where that is an older one than its dialect's.
    var sourceName: String?
    var layout: VariableLayout
    /// PyTorch shapes that differ from dialect to dialect, the values lying in the same order.
    var shapes: [Dialect: Shape] = [:]
    var filling = VariableFilling.none
    /// Part of the classification head, which encoders and `--drop-head` leave out.
    var isHead = false
    /// For a bias before a BatchNorm: the running mean that takes it up where a dialect has no place for the bias.
    var absorber: Int?
    /// The running variance of a BatchNorm, whose epsilon may be folded in.
    var isRunningVariance = false
    /// The first convolution's kernel, whose input channels may be reversed (BGR and RGB).
    var isFirstKernel = false
    /// What it is, if it may be left out without a loss, such as "index buffers".
    var droppable: String?
    /// The only dialects whose files have it by default; nil for all that know it.
    var writtenIn: Set<Dialect>?

    /// The name that a dialect writes, or nil when it has no place for the variable.
    func name(in dialect: Dialect) -> String? {
        writtenIn?.contains(dialect) ?? true ? names[dialect]?.first : nil
    }

    /// Marks what dialects may leave out.
    mutating func mayBeDropped(_ what: String, writtenIn dialects: Set<Dialect>) {
        droppable = what
        writtenIn = dialects
    }
}
