// What the recogniser finds out about a checkpoint: the network, where each parameter's values are, what was left over.

public import Formats

/// A network recognised in a checkpoint, with every tensor accounted for.
public struct Recognition: Sendable {
    /// The network in words, such as "ResNet-50 (torchvision/timm)".
    public var architecture: String
    /// The family's name, as `--arch` takes it.
    public var family: String
    /// What in the file led to the architecture.
    public var evidence: String
    /// What stands before the encoder's tensor names in the file; empty for nothing.
    public var prefix: String
    /// The network; its parameters are named as the family's original code names them.
    public var graph: Graph
    /// Where each parameter's values come from.
    public var bindings: [ParameterBinding]
    /// The tensors that the encoder does not use, each with the reason, in file order.
    public var ignored: [IgnoredTensor]
    /// What was assumed or set beyond the file's shapes: epsilons, stride placement, drop rates.
    public var facts: [Fact]
    /// How the family's original code prepares its input.
    public var normalization: InputNormalization
    /// The network description, where it was taken from another file than the checkpoint: Keras' JSON, or the content
    /// hash of an ONNX graph.
    public var outsideDescription: String?
    /// Parameters whose values are no tensor of the file: computed from some, or fixed by the network description.
    public var computed: [String: TensorView] = [:]

    /// How many channels the network's input has.
    public var expectedInputChannels: Int { graph.inputChannels }

    /// A tensor that the encoder does not use.
    public struct IgnoredTensor: Sendable, Hashable {
        /// The tensor's name in the file, and why it is not used.
        public var name: String, reason: String
    }

    /// One assumption, for reports.
    public struct Fact: Sendable, Hashable {
        /// What it is about, and its value.
        public var key: String, value: String

        /// States a fact.
        public init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }
}

/// How a stored tensor becomes a parameter.
public enum WeightTransform: Sendable, Hashable {
    /// The values in their stored order, seen in the parameter's shape.
    case identity
    /// The axes in this order (`[3, 2, 0, 1]` makes O×I×h×w of Keras' h×w×I×O), then seen in the parameter's shape.
    case permuted([Int])
}

/// Which tensor of the file fills a parameter.
public struct ParameterBinding: Sendable, Hashable {
    /// The graph's parameter.
    public var parameter: Parameter
    /// The tensor's name in the file.
    public var tensor: String
    /// From the stored layout to the parameter's.
    public var transform: WeightTransform

    /// Binds a parameter to a tensor.
    public init(parameter: Parameter, tensor: String, transform: WeightTransform = .identity) {
        self.parameter = parameter
        self.tensor = tensor
        self.transform = transform
    }
}

/// How a family's original code prepares images: x (0…1) ↦ (x · scale − mean) / deviation, per channel.
public struct InputNormalization: Sendable, Hashable, Codable {
    /// The name that reports show.
    public var name: String
    /// What images in 0…1 are multiplied with first: 1 or 255.
    public var scale: Float
    /// Subtracted, and divided by, in the order of the network's channels.
    public var mean: [Float], deviation: [Float]
    /// Whether the network wants blue first.
    public var isBGR: Bool

    /// Images as they are, 0…1.
    public static let unit = InputNormalization(
        name: "0…1", scale: 1, mean: [0, 0, 0], deviation: [1, 1, 1], isBGR: false)
    /// Images in 0…255 (the network rescales them itself).
    public static let bytes = InputNormalization(
        name: "0…255", scale: 255, mean: [0, 0, 0], deviation: [1, 1, 1], isBGR: false)
    /// The ImageNet mean and standard deviation that torchvision and timm use.
    public static let imageNet = InputNormalization(
        name: "ImageNet mean and deviation", scale: 1, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225],
        isBGR: false)
    /// What keras.applications calls "caffe": BGR, 0…255, the ImageNet mean subtracted.
    public static let kerasCaffe = InputNormalization(
        name: "Keras caffe (BGR, 0…255 minus the ImageNet mean)", scale: 255, mean: [103.939, 116.779, 123.68],
        deviation: [1, 1, 1], isBGR: true)
    /// What keras.applications calls "tf": −1…1.
    public static let kerasTF = InputNormalization(
        name: "Keras tf (−1…1)", scale: 2, mean: [1, 1, 1], deviation: [1, 1, 1], isBGR: false)
}

extension InputNormalization {
    /// What `--arch-option input=…` takes, and what it stands for.
    static let named: KeyValuePairs<String, InputNormalization> = [
        "imagenet": .imageNet, "unit": .unit, "bytes": .bytes, "keras-tf": .kerasTF, "keras-caffe": .kerasCaffe,
    ]

    /// The one that `--arch-option input=…` names; nil for another word.
    init?(named name: String) {
        guard let known = Self.named.first(where: { $0.key == name }) else { return nil }
        self = known.value
    }
}

extension Recognition {
    /// The same with the user's word for what images the network wants, if there is one (`--arch-option input=…`).
    func takingInput(from hints: ArchitectureHints) -> Recognition {
        guard let given = hints.options["input"].flatMap({ InputNormalization(named: $0) }) else { return self }
        var result = self
        result.normalization = given
        result.facts.append(Fact("input", given.name))
        return result
    }
}

/// What the user says about an architecture.
public struct ArchitectureHints: Sendable {
    /// A family or model to use instead of recognising one (`--arch`).
    public var architecture: String?
    /// Settings of the family (`--arch-option key=value`); an unknown key is an error.
    public var options: [String: String]
    /// Settings used where the family knows them and not given in ``options``; others are passed over.
    public var defaults: [String: String]
    /// An ONNX file whose graph the checkpoint's tensors are bound to by name (`--graph`).
    public var graph: String?

    /// States nothing, or what is given.
    public init(
        architecture: String? = nil, options: [String: String] = [:], defaults: [String: String] = [:],
        graph: String? = nil
    ) {
        self.architecture = architecture
        self.graph = graph
        self.options = options
        self.defaults = defaults
    }
}
