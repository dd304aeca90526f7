// Recognition of a Keras checkpoint that comes with its network description: the description is translated, and Formats'
// table of variables says which tensor is which.

import Formats

/// Networks described by Keras itself (`config.json` of a .keras archive, `model_config` of an .h5).
enum KerasModel {
    static let name = "keras"
    /// The `--arch-option` keys it knows.
    static let options = [FamilyOption.input, FamilyOption("config", .text), FamilyOption("ignore", .text)]

    /// Translates the description and binds the checkpoint's tensors.
    ///
    /// - Parameter configuration: the description, JSON.
    /// - Throws: ``EngineError`` with `.unsupportedLayer` when a level needs a layer that is not run,
    ///   `.parameterMismatch` when tensors do not fit, `.format` for a damaged description.
    static func recognize(
        _ checkpoint: any CheckpointReader, configuration: String, userRules: String?
    ) throws(EngineError) -> Recognition {
        let json: JSON
        let table: KerasVariableTable
        do throws(FormatError) {
            json = try JSON(configuration, path: checkpoint.path, section: "Keras configuration")
            table = try KerasVariableTable(checkpoint, configuration: configuration)
        } catch { throw .format(error) }
        let network = try KerasNetwork(json, writer: checkpoint.metadata.writer)
        let fit = fit(network, table)
        var account = TensorAccount(
            tensors: checkpoint.tensors, table: TensorTable(checkpoint.tensors, prefix: ""))
        account.bind(fit)
        account.ignore(fit, userRules: userRules)
        if let mismatch = account.mismatch(fit) { throw mismatch }
        return Recognition(
            architecture: fit.architecture, family: name, evidence: fit.evidence, prefix: "", graph: fit.graph,
            bindings: account.bindings, ignored: account.ignored, facts: fit.facts, normalization: fit.normalization)
    }

    private static func fit(_ network: KerasNetwork, _ table: KerasVariableTable) -> FamilyFit {
        let (model, graph, variables) = (network.model, network.graph, network.variables)
        let used = Set(graph.parameters.compactMap { variables[$0.name]?.layer })
        var ignored: [IgnoreRule] = []
        for layer in table.layers {
            for variable in layer.variables {
                if !used.contains(layer.path) {
                    let name = layer.path.joined(separator: "/")
                    ignored.append(.whole(variable.tensor, "no level depends on layer '\(name)'"))
                } else if layer.className == "Normalization", variable.role == "count" {
                    ignored.append(.whole(variable.tensor, "sample counter of a Normalization"))
                }
            }
        }
        return FamilyFit(
            architecture: "Keras \(model.className) '\(model.name)'", model: nil,
            evidence: "network description with \(network.layerCount) layers, \(graph.levels.count) resolutions",
            graph: graph,
            facts: [
                Recognition.Fact(
                    "described input",
                    "\(network.input.size.height)×\(network.input.size.width)×\(network.input.channels)"),
                Recognition.Fact("Keras version", "\(network.majorVersion)"),
            ],
            normalization: normalization(model, graph), ignored: ignored,
            source: { parameter in
                guard let variable = variables[parameter.name],
                    let tensor = table[variable.layer]?[variable.name]
                else { return (parameter.name, .identity) }
                return (tensor, variable.transform)
            },
            cause: { _, _ in "the weights do not belong to this network description" })
    }

    /// What images the network wants, by its first layers, or by the names of keras.applications' models.
    private static func normalization(_ model: KerasModelConfig, _ graph: Graph) -> InputNormalization {
        if graph.nodes.count > 1, case .affine(let scale, _) = graph.nodes[1].op, (scale.max() ?? 1) < 0.02 {
            return .bytes
        }
        let name = model.name.lowercased()
        let known: [(beginning: String, InputNormalization)] = [
            ("resnet50v2", .kerasTF), ("resnet101v2", .kerasTF), ("resnet152v2", .kerasTF), ("resnet", .kerasCaffe),
            ("vgg", .kerasCaffe), ("mobilenet", .kerasTF), ("xception", .kerasTF), ("inception", .kerasTF),
            ("densenet", .imageNet), ("nasnet", .kerasTF),
        ]
        return known.first { name.hasPrefix($0.beginning) }?.1 ?? .unit
    }
}

/// A description translated to a graph.
struct KerasNetwork {
    let model: KerasModelConfig
    let input: KerasInput
    let graph: Graph
    /// Where each parameter's variable is.
    let variables: [String: KerasVariable]
    /// How many layer calls were translated.
    let layerCount: Int
    /// Of the Keras that wrote the description.
    let majorVersion: Int

    /// Translates a description.
    ///
    /// - Parameter writer: what wrote the file, such as "Keras 3.15.1", if known.
    /// - Throws: ``EngineError`` with `.unsupportedLayer` when a level needs a layer that is not run, or there is no level.
    init(_ json: JSON, writer: String? = nil) throws(EngineError) {
        model = try KerasModelConfig(json)
        majorVersion = Self.majorVersion(writer, json)
        input = try KerasInput(model, json)
        var importer = KerasImporter(
            channels: input.channels, size: input.size, isChannelsFirst: input.isChannelsFirst,
            majorVersion: majorVersion)
        _ = try importer.run(model, inputs: input.values, path: [])
        graph = try importer.finish()
        variables = importer.variables
        layerCount = importer.layers.count
        guard !graph.levels.isEmpty else {
            throw .unsupportedLayer(
                name: model.name, kind: model.className, advice: "it has no convolutional feature maps")
        }
    }

    /// 2 for tf.keras, 3 for Keras 3: by what the file says, else by the form of the description.
    private static func majorVersion(_ writer: String?, _ json: JSON) -> Int {
        if let writer, let digit = writer.first(where: { $0.isNumber })?.wholeNumberValue { return digit }
        return json["module"] == nil ? 2 : 3
    }
}

/// The image input of a described model.
struct KerasInput {
    /// One for each of the model's inputs: the image for the first of rank 4.
    let values: [KerasValue]
    let channels: Int
    /// The described size, 224 where it is open.
    let size: Size2
    let isChannelsFirst: Bool

    init(_ model: KerasModelConfig, _ json: JSON) throws(EngineError) {
        isChannelsFirst = Self.dataFormat(json) == "channels_first"
        let shapes =
            model.isSequential ? [Self.sequentialShape(model, json)] : model.inputs.map { Self.shape(of: $0, model) }
        guard let place = shapes.firstIndex(where: { $0?.count == 4 }), let shape = shapes[place] else {
            throw .unsupportedLayer(
                name: model.name, kind: model.className,
                advice: "it has no input of images (batch, height, width, channels)")
        }
        let axes = isChannelsFirst ? (2, 3, 1) : (1, 2, 3)
        guard let channels = shape[axes.2], (1...1 << 16).contains(channels) else {
            throw .unsupportedLayer(
                name: model.name, kind: model.className,
                advice: "its description does not say how many channels images have")
        }
        self.channels = channels
        func extent(_ axis: Int) -> Int { shape[axis].map { (1...1 << 14).contains($0) ? $0 : 224 } ?? 224 }
        size = Size2(extent(axes.0), extent(axes.1))
        values = shapes.indices.map { $0 == place ? .map(0) : .head }
    }

    /// The shape that an input layer describes, batch first; nil numbers are open.
    private static func shape(of reference: KerasModelConfig.Reference, _ model: KerasModelConfig) -> [Int?]? {
        model.layers.first { $0.name == reference.layer }.flatMap { shape(in: $0.settings.json) }
    }

    private static func shape(in settings: JSON) -> [Int?]? {
        for key in ["batch_shape", "batch_input_shape"] {
            if let shape = settings[key]?.array { return shape.map { $0.int } }
        }
        return nil
    }

    /// A Sequential's input: its first layer's (or that of the model it begins with), or what it was built with.
    private static func sequentialShape(_ model: KerasModelConfig, _ json: JSON) -> [Int?]? {
        if let first = model.layers.first {
            if let shape = shape(in: first.settings.json) { return shape }
            if first.isModel, let inner = try? KerasModelConfig(first.settings.entry) {
                let shape =
                    inner.isSequential
                    ? sequentialShape(inner, first.settings.entry)
                    : inner.inputs.first.flatMap { self.shape(of: $0, inner) }
                if let shape { return shape }
            }
        }
        let built = json["config"]?["build_input_shape"] ?? json["build_config"]?["input_shape"]
        return built?.array.map { $0.map { $0.int } }
    }

    /// The first `data_format` that any layer has.
    private static func dataFormat(_ json: JSON) -> String? {
        if let format = json["data_format"]?.string { return format }
        for child in json.array ?? json.members?.map({ $0.value }) ?? [] {
            if let format = dataFormat(child) { return format }
        }
        return nil
    }
}
