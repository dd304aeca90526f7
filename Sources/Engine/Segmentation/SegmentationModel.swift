// A saved segmentation model: the tensors under their PyTorch names, and in the metadata what is needed to run them.

import FoundationEssentials
public import Formats

/// What a saved model says of itself.
public struct SegmentationCard: Sendable, Hashable, Codable {
    /// The decoder's choices.
    public var design: SegmentationDesign
    /// The encoder without weights, its parameters named without prefix.
    public var encoder: Graph
    /// The encoder in words, such as "ResNet-50 (torchvision/timm)".
    public var encoderTitle: String
    /// The shapes of the encoder's parameters in files where they differ from the graph's.
    public var storedShapes: [String: Shape]
    /// How images in 0…1 become the network's input.
    public var normalization: InputNormalization
    /// One name a class, the background first.
    public var classNames: [String]
    /// The value of each class in label files.
    public var classValues: [Int32]
    /// Rows and columns of the images it was trained on.
    public var imageSize: Size2
    /// How images were prepared, as the analyzer wrote it.
    public var preparation: String

    /// Describes a model.
    public init(
        design: SegmentationDesign, encoder: Graph, encoderTitle: String, storedShapes: [String: Shape],
        normalization: InputNormalization, classNames: [String], classValues: [Int32], imageSize: Size2,
        preparation: String
    ) {
        self.design = design
        self.encoder = encoder
        self.encoderTitle = encoderTitle
        self.storedShapes = storedShapes
        self.normalization = normalization
        self.classNames = classNames
        self.classValues = classValues
        self.imageSize = imageSize
        self.preparation = preparation
    }

    /// The network without weights.
    ///
    /// - Throws: ``EngineError`` as ``SegmentationNetwork/init(_:encoder:storedShapes:)``.
    public func network() throws(EngineError) -> SegmentationNetwork {
        try SegmentationNetwork(design, encoder: encoder, storedShapes: storedShapes)
    }
}

/// A model file written by fine-tuning.
public struct SegmentationModel: Sendable {
    /// What it says of itself.
    public let card: SegmentationCard
    /// The network.
    public let network: SegmentationNetwork
    /// Its weights, from the file.
    public let parameters: any ParameterSource

    /// The metadata key of the card.
    static let key = "ripe.network"
    /// Changes with the card's form.
    static let schema = "ripe.network/1"

    private struct Versioned: Codable {
        var schema: String
        var card: SegmentationCard
    }

    /// Opens a saved model.
    ///
    /// - Throws: ``EngineError`` with `.noNetwork` for a file that is no saved model, `.parameterMismatch` for missing
    ///   tensors, `.format` when it cannot be read.
    public init(reading path: String) throws(EngineError) {
        let reader: any CheckpointReader
        do throws(FormatError) { reader = try Checkpoint.open(path) } catch { throw .format(error) }
        try self.init(reader)
    }

    /// Takes a saved model from an open file.
    public init(_ reader: any CheckpointReader) throws(EngineError) {
        guard let text = reader.metadata.entries.first(where: { $0.key == Self.key })?.value else {
            throw .noNetwork(
                reason: "\(reader.path) is no model of `ripe finetune`: its metadata have no '\(Self.key)'; "
                    + "give the model.safetensors that fine-tuning wrote")
        }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let versioned: Versioned
        do { versioned = try decoder.decode(Versioned.self, from: Data(text.utf8)) } catch {
            throw .noNetwork(reason: "\(reader.path): its network description cannot be read: \(Self.reason(error))")
        }
        guard versioned.schema == Self.schema else {
            throw .noNetwork(
                reason: "\(reader.path): expected a network description of \(Self.schema), found \(versioned.schema)")
        }
        card = versioned.card
        guard card.classNames.count == card.design.classes, card.classValues.count == card.design.classes else {
            throw .noNetwork(
                reason: "\(reader.path): expected \(card.design.classes) class names and values, found "
                    + "\(card.classNames.count) and \(card.classValues.count)")
        }
        network = try card.network()
        let known = Set(reader.tensors.map(\.name))
        let missing = network.parameters.map(\.name).filter { !known.contains($0) }
        guard missing.isEmpty else {
            throw .parameterMismatch(
                architecture: card.design.kind.title, missing: missing, unexpected: [], misshapen: [],
                cause: "the file is incomplete")
        }
        parameters = StoredParameters(reader)
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        switch error {
        case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
            .valueNotFound(_, let context):
            return context.debugDescription
        @unknown default: return "\(error)"
        }
    }

    /// Writes a model: safetensors, float32, whole or not at all.
    ///
    /// - Parameters:
    ///   - values: a parameter's values; asked for one after another.
    ///   - batches: what `num_batches_tracked` of the normalisations says.
    ///   - notes: more metadata.
    /// - Throws: ``EngineError`` with `.format` when the file cannot be written.
    public static func write(
        _ card: SegmentationCard, values: any ParameterSource, batches: Int, notes: [(key: String, value: String)] = [],
        to path: String
    ) throws(EngineError) {
        let network = try card.network()
        var tensors: [DraftTensor] = []
        for parameter in network.parameters {
            let shape = network.storedShapes[parameter.name] ?? parameter.shape
            tensors.append(
                DraftTensor(name: parameter.name, dtype: .float32, shape: shape) { () throws(FormatError) in
                    try Self.stored(parameter, values, shape: shape, path: path)
                })
            guard parameter.name.hasSuffix(".running_var") else { continue }
            let counter = String(parameter.name.dropLast("running_var".count)) + "num_batches_tracked"
            let bytes = Bytes(copying: withUnsafeBytes(of: Int64(batches).littleEndian) { Array($0) })
            tensors.append(
                DraftTensor(name: counter, dtype: .int64, shape: []) {
                    TensorView(dtype: .int64, shape: [], bytes: bytes)
                })
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let text: String
        do { text = String(decoding: try encoder.encode(Versioned(schema: schema, card: card)), as: UTF8.self) } catch {
            throw .noNetwork(reason: "\(path): the network description cannot be written: \(error)")
        }
        let draft = CheckpointDraft(
            tensors: tensors, metadata: [(key, text), ("format", "pt")] + notes)
        do throws(FormatError) { _ = try draft.write(to: path, as: .safetensors) } catch { throw .format(error) }
    }
}

extension SegmentationModel {
    /// One parameter's values as the file gets them, read when their turn has come.
    private static func stored(
        _ parameter: Parameter, _ values: any ParameterSource, shape: Shape, path: String
    ) throws(FormatError) -> TensorView {
        do throws(EngineError) {
            return TensorView(dtype: .float32, shape: shape, bytes: try values.values(of: parameter).bytes)
        } catch {
            throw FormatError(
                path, .invalid(section: "tensors to write", expected: "values of \(parameter.name)", found: "\(error)"))
        }
    }
}

/// Parameters of a file that holds each under its own name, with whatever shape has as many values.
private struct StoredParameters: ParameterSource {
    private let reader: any CheckpointReader

    init(_ reader: any CheckpointReader) { self.reader = reader }

    func values(of parameter: Parameter) throws(EngineError) -> TensorView {
        let stored: TensorView
        do throws(FormatError) { stored = try reader.tensor(parameter.name) } catch { throw .format(error) }
        guard stored.shape.elementCount == parameter.shape.elementCount, let values = stored.floats() else {
            throw .shape(
                operation: "parameter '\(parameter.name)'", expected: "\(parameter.shape)", found: "\(stored.shape)")
        }
        let view = stored.dtype == .float32 ? stored : TensorView(floats: values, shape: stored.shape)
        guard view.firstNonFinite == nil else {
            throw .nonFiniteWeights(tensor: parameter.name, count: values.count { !$0.isFinite })
        }
        return TensorView(dtype: .float32, shape: parameter.shape, bytes: view.bytes)
    }
}
