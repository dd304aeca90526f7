// What the recogniser needs to know about a family of networks.

import Formats

/// A family of networks that share their code and differ in depth and widths.
protocol ArchitectureFamily {
    /// The name that `--arch` takes.
    static var name: String { get }
    /// Tensors that every member has, without prefix; together they suggest the family.
    static var anchors: [String] { get }
    /// The `--arch-option` keys it knows.
    static var options: [FamilyOption] { get }
    /// Whether `model` inside a tensor name is skipped.
    static var dropsModel: Bool { get }

    /// The name that ``fit(_:_:)`` knows a tensor by, from its name below the prefix.
    static func canonicalName(_ name: String) -> String

    /// Describes the network that the tensors' shapes tell.
    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit
}

extension ArchitectureFamily {
    static var options: [FamilyOption] { [] }
    static var dropsModel: Bool { false }
    static func canonicalName(_ name: String) -> String { name }
}

/// A member of a family that the shapes tell; its parameters are not yet looked up.
struct FamilyFit {
    /// The network in words, and its `--arch` name if it has one.
    var architecture: String, model: String?
    var evidence: String
    var graph: Graph
    var facts: [Recognition.Fact] = []
    var normalization: InputNormalization
    /// Names (without prefix) or beginnings of names of tensors that the encoder does not use, with reasons.
    var ignored: [IgnoreRule] = []
    /// Where a parameter's values are: tensor name without prefix, and its layout.
    var source: (Parameter) -> (name: String, transform: WeightTransform) = { ($0.name, .identity) }
    /// Says why tensors are left over or missing, if the family knows.
    var cause: (_ unexpected: [String], _ missing: [String]) -> String? = { _, _ in nil }
}

/// Which tensors of a family's file the encoder does not use.
struct IgnoreRule {
    enum Part { case beginning, ending, whole }

    let part: Part
    let text: String, reason: String

    static func beginning(_ text: String, _ reason: String) -> IgnoreRule {
        IgnoreRule(part: .beginning, text: text, reason: reason)
    }

    static func ending(_ text: String, _ reason: String) -> IgnoreRule {
        IgnoreRule(part: .ending, text: text, reason: reason)
    }

    static func whole(_ text: String, _ reason: String) -> IgnoreRule {
        IgnoreRule(part: .whole, text: text, reason: reason)
    }

    func covers(_ name: String) -> Bool {
        switch part {
        case .beginning: name.hasPrefix(text)
        case .ending: name.hasSuffix(text)
        case .whole: name == text
        }
    }

    /// What any network's file may hold beside the encoder.
    static let common: [IgnoreRule] = [
        .ending("num_batches_tracked", "batch counter of a BatchNorm"),
        .beginning("fc.", "classification head"), .beginning("classifier.", "classification head"),
        .beginning("head.", "classification head"), .beginning("projector.", "projection head of pretraining"),
        .beginning("projection_head.", "projection head of pretraining"),
        .beginning("predictor.", "prediction head of pretraining"),
        .beginning("prototypes.", "prototypes of pretraining"),
        .beginning("decoder.", "decoder"), .beginning("segmentation_head.", "segmentation head"),
        .beginning("classification_head.", "classification head"),
        .beginning("predictions/", "classification head"), .beginning("fc1/", "classification head"),
        .beginning("fc2/", "classification head"),
        .beginning("queue", "memory queue of pretraining"),
    ]
}
