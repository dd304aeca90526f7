// What a prediction did: a row for each case, for people and for programs.

public import Formats

/// One case that was predicted.
public struct PredictedCase: Sendable, Hashable {
    /// The case, as its files name it.
    public let name: String
    /// The label map.
    public let output: String
    /// The probabilities, where they were asked for.
    public let probabilities: String?
    /// Pictures, where they were asked for.
    public let overlays: [String]
    /// Whether it is a volume; else separate images.
    public let isVolume: Bool
    /// Slices of a volume; else images.
    public let imageCount: Int
    /// Pixels or voxels of each class, the background first.
    public let counts: [Int]
    /// Cubic millimetres of a voxel; nil for images.
    public let voxelVolume: Double?

    /// Millilitres of a class; nil for images.
    public func milliliters(of label: Int) -> Double? { voxelVolume.map { $0 * Double(counts[label]) / 1000 } }
}

/// The outcome of a ``PredictionJob``.
public struct PredictionReport: Sendable {
    /// A case that could not be predicted.
    public struct Failure: Sendable, Hashable {
        /// The case.
        public let name: String
        /// Why, in one line.
        public let reason: String
    }

    /// The schema's name and version.
    public static let schema = "ripe.prediction/1"

    /// The cases in order.
    public internal(set) var cases: [PredictedCase] = []
    /// Cases left out.
    public internal(set) var failures: [Failure] = []
    /// The classes' names, the background first.
    public let classNames: [String]
    /// Their values in the files.
    public let classValues: [Int32]
    /// What the user should know, one sentence each.
    public internal(set) var notes: [String]
    /// How long it took.
    public internal(set) var seconds = 0.0

    /// All images that were predicted.
    public var imageCount: Int { cases.reduce(0) { $0 + $1.imageCount } }

    /// The report as JSON.
    ///
    /// - Parameter facts: members that stand behind the schema, such as the model's file.
    public func json(facts: [JSON.Member] = []) -> JSON {
        let classes = zip(classNames, classValues).enumerated().map { index, entry -> JSON in
            let color = OverlayPalette.color(of: index)
            let rgb = [color.red, color.green, color.blue].map { Int($0) }
            return JSON.object([
                "name": .string(entry.0), "value": .integer(Int(entry.1)), "color": index > 0 ? .integers(rgb) : nil,
            ])
        }
        return .object(
            [JSON.Member(key: "schema", value: .string(Self.schema))] + facts + [
                .init(key: "classes", value: .array(classes)),
                .init(key: "cases", value: .array(cases.map { json($0) })),
                .init(
                    key: "failures",
                    value: .array(
                        failures.map { JSON.object(["case": .string($0.name), "reason": .string($0.reason)]) })),
                .init(key: "notes", value: .strings(notes)),
                .init(key: "imageCount", value: .integer(imageCount)),
                .init(key: "seconds", value: .real(seconds)),
                .init(key: "imagesPerSecond", value: seconds > 0 ? .real(Double(imageCount) / seconds) : .null),
            ])
    }

    private func json(_ predicted: PredictedCase) -> JSON {
        let classes = classNames.indices.map { label in
            JSON.object([
                "name": .string(classNames[label]),
                predicted.isVolume ? "voxels" : "pixels": .integer(predicted.counts[label]),
                "milliliters": predicted.milliliters(of: label).map(JSON.real),
            ])
        }
        return JSON.object([
            "case": .string(predicted.name), "output": .string(predicted.output),
            "probabilities": predicted.probabilities.map(JSON.string),
            "overlays": predicted.overlays.isEmpty ? nil : .strings(predicted.overlays),
            "kind": predicted.isVolume ? "volume" : "images", "imageCount": .integer(predicted.imageCount),
            "classes": .array(classes),
        ])
    }
}
