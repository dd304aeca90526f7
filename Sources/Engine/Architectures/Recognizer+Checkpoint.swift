// Recognition from an open checkpoint: what a file says beyond names and shapes, Keras' network description, comes
// first.

import FoundationEssentials
public import Formats

extension Recognizer {
    /// Finds the network of an open checkpoint, binds every parameter and accounts for every tensor.
    ///
    /// A Keras file with its network description is translated from that; `--arch-option config=FILE` gives the
    /// description of a file that has none (a .keras file, a full .h5, or the JSON itself). Weights whose layer names
    /// belong to no known network, or that do not fit it, take the description of a `config.json`, `model.json`, `.keras`
    /// or `.h5` file beside them, if it fits and the user named no other architecture.
    ///
    /// An ONNX file is its own description, unless the user names an architecture that the names of its weights fit. With a
    /// graph in the hints, the tensors of any checkpoint are bound to that by name.
    ///
    /// - Throws: ``EngineError`` as ``recognize(_:metadata:hints:)`` does, `.shard` for a part of a checkpoint, and
    ///   `.unsupportedLayer` when a level of a described network needs a layer that is not run.
    public static func recognize(
        _ checkpoint: any CheckpointReader, hints: ArchitectureHints = ArchitectureHints()
    ) throws(EngineError) -> Recognition {
        if let shard = Shard(checkpoint) { throw .shard(shard) }
        if let reason = notNetwork(checkpoint) { throw .noNetwork(reason: reason) }
        if let path = hints.graph {
            try FamilyOption.check(hints.options, known: ONNXNetwork.options)
            return try ONNXNetwork.recognize(checkpoint, graph: path, hints: hints).takingInput(from: hints)
        }
        if let file = checkpoint as? ONNXCheckpoint,
            hints.architecture == nil || hints.architecture?.lowercased() == ONNXNetwork.name
        {
            try FamilyOption.check(hints.options, known: ONNXNetwork.options)
            do throws(EngineError) { return try ONNXNetwork.recognize(file).takingInput(from: hints) } catch {
                guard let known = recognizeByNames(file, hints: hints) else { throw error }
                return known
            }
        }
        let isKerasNamed = hints.architecture?.lowercased() == KerasModel.name
        if let path = hints.options["config"] {
            let configuration = try givenConfiguration(at: path)
            var found = try recognize(checkpoint, describedBy: configuration, hints: hints)
            found.outsideDescription = configuration
            return found
        }
        if isKerasNamed || hints.architecture == nil, let configuration = checkpoint.metadata.kerasConfig {
            return try recognize(checkpoint, describedBy: configuration, hints: hints)
        }
        do throws(EngineError) {
            guard !isKerasNamed else { throw .unrecognizedArchitecture(evidence: "weights only", closest: nil) }
            return try recognize(checkpoint.tensors, metadata: checkpoint.metadata, hints: hints)
        } catch {
            guard checkpoint.format.contains("Keras"), isKerasNamed || hints.architecture == nil,
                let misfit = misfit(error, checkpoint)
            else { throw error }
            switch recognizeByNeighbour(checkpoint, hints: hints) {
            case .success(let found): return found
            // Its layers are these, as far as a description can tell that cannot be run.
            case .failure(.unsupportedLayer(let name, let kind, let advice)) where misfit.isTotal:
                throw .unsupportedLayer(name: name, kind: kind, advice: advice)
            case .failure: throw misfit.isTotal ? .missingDescription(evidence: misfit.evidence) : error
            }
        }
    }

    /// The family that an ONNX file's weights belong to by their names, where its graph cannot be run, as with attention.
    private static func recognizeByNames(_ file: ONNXCheckpoint, hints: ArchitectureHints) -> Recognition? {
        guard hints.architecture == nil,
            var found = try? recognize(ONNXNetwork.weights(file), metadata: file.metadata, hints: hints)
        else { return nil }
        found.facts.insert(Recognition.Fact("graph", "not run; the names of its weights tell the network"), at: 0)
        return found
    }

    /// Why a file that can be read holds no network at all, and what to do; nil if it may hold one.
    private static func notNetwork(_ checkpoint: any CheckpointReader) -> String? {
        if checkpoint.format == "NumPy array" {
            return
                "one array of numbers is no network; give images with --target or --input, weights as .npz with names"
        }
        guard checkpoint.tensors.isEmpty else { return nil }
        return "the file holds no tensors of a model"
            + (checkpoint.metadata.otherTensorCount > 0
                ? ", only \(checkpoint.metadata.otherTensorCount) of optimizer or other state" : "")
            + "; give the file that the weights were saved to"
    }

    /// What speaks for a network that only a description can tell, and whether everything does; nil for other errors.
    private static func misfit(
        _ error: EngineError, _ checkpoint: any CheckpointReader
    ) -> (isTotal: Bool, evidence: String)? {
        switch error {
        case .unrecognizedArchitecture(let evidence, _): (true, evidence)
        case .parameterMismatch(_, _, let unexpected, _, _):
            (unexpected.count * 2 > checkpoint.tensors.count, evidence(checkpoint.tensors))
        default: nil
        }
    }

    private static func recognize(
        _ checkpoint: any CheckpointReader, describedBy configuration: String, hints: ArchitectureHints
    ) throws(EngineError) -> Recognition {
        try FamilyOption.check(hints.options, known: KerasModel.options)
        return try KerasModel.recognize(
            checkpoint, configuration: configuration, userRules: hints.options["ignore"]
        ).takingInput(from: hints)
    }

    /// Checks what the user says of a network as far as that can be done without a checkpoint: the architecture's name,
    /// the options' names and values, and that a description given for `config` is one.
    ///
    /// - Throws: ``EngineError`` with `.unknownArchitecture`, `.unknownOption`, `.invalidOption`, or `.format` for a
    ///   description that cannot be read.
    public static func check(_ hints: ArchitectureHints) throws(EngineError) {
        if let path = hints.graph {
            try FamilyOption.check(hints.options, known: ONNXNetwork.options)
            _ = try ONNXNetwork.open(path)
            return
        }
        var known = KerasModel.options
        let name = hints.architecture?.lowercased()
        if name == nil || name == ONNXNetwork.name { known += ONNXNetwork.options }
        if name != KerasModel.name, name != ONNXNetwork.name {
            let named = try families(for: hints)
            if hints.options["config"] == nil { known += named.flatMap { $0.options } + FamilyOption.common }
        }
        try FamilyOption.check(hints.options, known: known)
        if let path = hints.options["config"] { _ = try givenConfiguration(at: path) }
    }

    /// The description in the file that the user gives for `config`.
    private static func givenConfiguration(at path: String) throws(EngineError) -> String {
        if let configuration = try kerasConfiguration(at: path) { return configuration }
        throw .invalidOption(
            option: "config", value: path, expected: "a .keras file, a full .h5 or the JSON of a network description")
    }

    /// The description in a file; nil when it has none.
    private static func kerasConfiguration(at path: String) throws(EngineError) -> String? {
        do throws(FormatError) {
            let bytes = try Bytes(mapping: path)
            if bytes.starts(with: Array("{".utf8)), let text = bytes.utf8 { return text }
            return try Checkpoint.open(path).metadata.kerasConfig
        } catch { throw .format(error) }
    }

    /// Recognition by the description of a file in the same folder, the first that fits; else the first failure.
    private static func recognizeByNeighbour(
        _ checkpoint: any CheckpointReader, hints: ArchitectureHints
    ) -> Result<Recognition, EngineError> {
        let slash = checkpoint.path.lastIndex(of: "/")
        let folder = slash.map { String(checkpoint.path[...$0]) } ?? ""
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
        var failure: EngineError?
        for file in descriptions(among: files, for: String(checkpoint.path.dropFirst(folder.count))) {
            do throws(EngineError) {
                guard let configuration = try kerasConfiguration(at: folder + file) else { continue }
                var found = try recognize(checkpoint, describedBy: configuration, hints: hints)
                found.facts.insert(Recognition.Fact("network description", "that of \(file), beside it"), at: 0)
                found.outsideDescription = configuration
                return .success(found)
            } catch { failure = failure ?? error }
        }
        return .failure(failure ?? .missingDescription(evidence: "no description beside it"))
    }

    /// The files of a folder that may describe the network of another: JSON by its usual names, and of each kind of whole
    /// models the one whose name is likest.
    static func descriptions(among files: [String], for name: String) -> [String] {
        func likest(_ candidates: [String]) -> [String] {
            func likeness(_ file: String) -> Int { zip(file, name).prefix { $0 == $1 }.count }
            return candidates.sorted().max { likeness($0) < likeness($1) }.map { [$0] } ?? []
        }
        let wholeModels = files.filter { $0.hasSuffix(".h5") && !$0.contains("weights") && $0 != name }
        return ["config.json", "model.json"].filter(files.contains) + likest(files.filter { $0.hasSuffix(".keras") })
            + likest(wholeModels)
    }
}
