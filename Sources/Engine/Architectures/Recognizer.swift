// From tensor names and shapes to a network: tries each family under each prefix and accounts for every tensor.

public import Formats

/// Recognises the network that a checkpoint's tensors belong to.
public enum Recognizer {
    /// The families, in the order they are tried.
    static var families: [any ArchitectureFamily.Type] {
        [
            DeepResNet.self, UNetEncoder.self, SeedSwin.self, ResNet.self, SequentialResNet.self, VGG.self,
            TorchvisionSwin.self,
            TimmSwin.self, KerasResNet.self, KerasVGG.self,
            TimmEfficientNet.self, TimmEfficientNetV2.self, TorchvisionEfficientNet.self, LukemelasEfficientNet.self,
            TimmMobileNetV3Large.self, TimmMobileNetV3Small.self, TorchvisionMobileNetV3.self,
            TorchvisionMobileNetV2.self, TimmMobileNetV2.self,
            TimmViT.self, TorchvisionViT.self, DenseNet.self, DottedDenseNet.self, TimmDenseNetFeatures.self,
            TimmConvNeXt.self, TimmConvNeXtFeatures.self, TorchvisionConvNeXt.self, OriginalConvNeXt.self,
        ]
    }

    /// Finds the network, binds every parameter and accounts for every tensor.
    ///
    /// - Parameters:
    ///   - tensors: the checkpoint's tensors, in file order.
    ///   - metadata: what else the checkpoint says.
    ///   - hints: what the user says; a given architecture is the only one tried.
    /// - Throws: ``EngineError`` with `.unrecognizedArchitecture` when no family fits the names, `.parameterMismatch`
    ///   when one does but tensors are missing, left over or of another shape.
    public static func recognize(
        _ tensors: [TensorInfo], metadata: CheckpointMetadata = CheckpointMetadata(),
        hints: ArchitectureHints = ArchitectureHints()
    ) throws(EngineError) -> Recognition {
        let wanted = try families(for: hints)
        var hints = hints
        hints.defaults.merge(metadata.networkFacts) { given, _ in given }
        var failure: EngineError?
        for family in wanted {
            let prefixes = prefixes(of: family, in: tensors, hints: hints)
            for prefix in prefixes {
                do throws(EngineError) {
                    return try recognize(tensors, as: family, prefix: prefix, of: prefixes, hints: hints)
                } catch {
                    if case .parameterMismatch = error { failure = failure ?? error } else { throw error }
                }
            }
        }
        throw failure ?? unrecognized(tensors, among: wanted)
    }

    /// What `--arch` takes beside the names of models.
    private static var familyNames: [String] {
        var names: [String] = []
        for family in families where !names.contains(family.name) { names.append(family.name) }
        return names + [KerasModel.name, ONNXNetwork.name]
    }

    /// The families to try: all, or the one that the user named.
    static func families(for hints: ArchitectureHints) throws(EngineError) -> [any ArchitectureFamily.Type] {
        guard let name = hints.architecture?.lowercased() else { return families }
        let wanted = Architectures.models.first { $0.name == name }?.families ?? [name]
        let matching = families.filter { wanted.contains($0.name) }
        guard matching.isEmpty else { return matching }
        throw .unknownArchitecture(
            name: name, known: familyNames + Architectures.models.map { $0.name })
    }

    /// What stands in the prefixes of copies that are kept for momentum.
    static let copies = ["encoder_k.", "momentum", "target", "ema", "teacher"]

    /// Where the family's anchors all stand, the likeliest first: copies kept for momentum come last.
    private static func prefixes(
        of family: any ArchitectureFamily.Type, in tensors: [TensorInfo], hints: ArchitectureHints
    ) -> [String] {
        if let prefix = hints.options["prefix"] { return [family.dropsModel ? withoutModel(prefix) : prefix] }
        var common: [String]?
        for anchor in family.anchors {
            let found = TensorTable.prefixes(of: anchor, in: tensors, dropsModel: family.dropsModel)
            common = common?.filter { found.contains($0) } ?? found
        }
        func isCopy(_ prefix: String) -> Bool { copies.contains { prefix.contains($0) } }
        return (common ?? []).filter { !isCopy($0) } + (common ?? []).filter(isCopy)
    }

    private static func recognize(
        _ tensors: [TensorInfo], as family: any ArchitectureFamily.Type, prefix: String, of prefixes: [String],
        hints: ArchitectureHints
    ) throws(EngineError) -> Recognition {
        try FamilyOption.check(hints.options, known: family.options + FamilyOption.common)
        let options = FamilyOptions(hints.defaults.merging(hints.options) { $1 })
        let table = TensorTable(
            tensors, prefix: prefix, dropsModel: family.dropsModel, canonicalName: family.canonicalName)
        let fit = try family.fit(table, options)
        if let wanted = hints.architecture?.lowercased(), wanted != family.name, wanted != fit.model {
            throw .parameterMismatch(
                architecture: wanted, missing: [], unexpected: [], misshapen: [],
                cause: "the tensors are those of \(fit.architecture); leave --arch out, or give --arch \(family.name)")
        }
        var account = TensorAccount(tensors: tensors, table: table, copies: prefixes)
        account.bind(fit)
        account.ignore(fit, userRules: options["ignore"])
        if let mismatch = account.mismatch(fit) { throw mismatch }
        let place = prefix.isEmpty ? "" : ", below '\(prefix)'"
        return Recognition(
            architecture: fit.architecture, family: family.name, evidence: fit.evidence + place, prefix: prefix,
            graph: fit.graph, bindings: account.bindings, ignored: account.ignored, facts: fit.facts,
            normalization: fit.normalization
        ).takingInput(from: hints)
    }

    /// How many tensors a file has, and the first of them.
    static func evidence(_ tensors: [TensorInfo]) -> String {
        let shown = tensors.prefix(4).map { $0.name }.joined(separator: ", ") + (tensors.count > 4 ? ", …" : "")
        return tensors.isEmpty
            ? "the file holds no tensors" : "\(tensors.count) tensor\(tensors.count == 1 ? "" : "s") (\(shown))"
    }

    /// The error when no family has all its anchors: the family with most of them is named.
    private static func unrecognized(
        _ tensors: [TensorInfo], among wanted: [any ArchitectureFamily.Type]
    ) -> EngineError {
        var closest: (name: String, missing: [String], found: Int)?
        for family in wanted {
            let missing = family.anchors.filter {
                TensorTable.prefixes(of: $0, in: tensors, dropsModel: family.dropsModel).isEmpty
            }
            let found = family.anchors.count - missing.count
            if found > closest?.found ?? 0 { closest = (family.name, missing, found) }
        }
        return .unrecognizedArchitecture(
            evidence: evidence(tensors),
            closest: closest.map { "\($0.name), which also has \($0.missing.joined(separator: ", "))" })
    }
}

extension CheckpointMetadata {
    /// What a conversion noted of the network it came from, as settings of its family: no tensor tells it, and the source's
    /// code had it so.
    fileprivate var networkFacts: [String: String] {
        var facts: [String: String] = [:]
        for (key, value) in entries {
            switch key {
            case "network.epsilon": if let number = Double(value), (0...1).contains(number) { facts["epsilon"] = value }
            case "network.stride": facts["stride"] = value.hasPrefix("on the first") ? "first" : "middle"
            case "network.padding": facts["padding"] = value.hasPrefix("TensorFlow") ? "tf" : "torch"
            default: break
            }
        }
        return facts
    }
}
