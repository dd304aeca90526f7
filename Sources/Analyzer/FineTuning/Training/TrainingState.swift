// The whole state of a fine-tuning as one file: what a run that was stopped goes on from, to the same final weights.

import FoundationEssentials
import Formats

/// Where a run stands: counters, history, and what it must agree with to be continued.
struct TrainingProgress: Codable, Sendable {
    /// Finished epochs.
    var epoch = 0
    /// Finished batches of the epoch that has begun.
    var batch = 0
    /// Optimizer steps taken.
    var step = 0
    /// Batches whose normalisations moved the running statistics, from the beginning.
    var batches = 0
    /// Sums over the epoch that has begun.
    var sums = EpochSums()
    /// The finished epochs.
    var history: [EpochRecord] = []
    /// The epoch whose weights are in model.safetensors, and its validation Dice; nil before the first.
    var best: BestEpoch?
    /// What the run was started with, key by key; a run is only continued with the same.
    var identity: [String: String] = [:]

    /// The epoch that did best on the validation images.
    struct BestEpoch: Codable, Sendable, Hashable {
        var epoch: Int
        var dice: Double
    }
}

/// A network's weights with what stands beside them.
struct NetworkState: Sendable {
    /// What stands before the names of the three kinds of arrays.
    static let weights = "weights/", optimizer = "optimizer/", average = "average/"

    /// Named arrays in PyTorch's layout.
    var arrays: [(name: String, shape: Shape, values: [Float])] = []
    /// How many updates each parameter has had.
    var stepCounts: [String: Int] = [:]
    /// How many updates the average has had.
    var averageUpdates = 0

    /// The name behind a kind's prefix; nil for other kinds.
    static func name(_ name: String, in kind: String) -> String? {
        name.hasPrefix(kind) ? String(name.dropFirst(kind.count)) : nil
    }
}

/// A network's state with the run's progress.
struct TrainingState: Sendable {
    var progress: TrainingProgress
    var network: NetworkState
}

/// The folder of a run's states. Files are named by what is finished; the two newest are kept, so that a damaged one costs
/// an epoch, not the run.
struct TrainingStateFolder: Sendable {
    let path: String
    private static let key = "ripe.training"
    private static let hashKey = "ripe.training.hash"
    private static let schema = "ripe.training/1"

    private struct Versioned: Codable {
        var schema: String
        var progress: TrainingProgress
        var stepCounts: [String: Int]
        var averageUpdates: Int
    }

    /// State files, newest first.
    func files() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasPrefix("epoch_") && $0.hasSuffix(".safetensors") }.sorted(by: >)
            .map { "\(path)/\($0)" }
    }

    /// Writes a state, whole or not at all, and removes all but the newest two.
    func write(_ state: TrainingState) throws(AnalyzerError) {
        let (progress, network) = (state.progress, state.network)
        let name = "epoch_\(Self.padded(progress.epoch, 5))_batch_\(Self.padded(progress.batch, 7)).safetensors"
        let versioned = Versioned(
            schema: Self.schema, progress: progress, stepCounts: network.stepCounts,
            averageUpdates: network.averageUpdates)
        let text: String
        do { text = String(decoding: try Self.encoder.encode(versioned), as: UTF8.self) } catch {
            throw .format(FormatError(path, .system(action: "write the state", detail: "\(error)")))
        }
        let tensors = network.arrays.map { array in
            let view = TensorView(floats: array.values, shape: array.shape)
            return DraftTensor(name: array.name, dtype: .float32, shape: array.shape) { view }
        }
        let draft = CheckpointDraft(
            tensors: tensors, metadata: [(Self.key, text), (Self.hashKey, Self.hash(network.arrays, text))])
        do throws(FormatError) { _ = try draft.write(to: "\(path)/\(name)", as: .safetensors) } catch {
            throw .format(error)
        }
        for old in files().dropFirst(2) { removeFile(old) }
    }

    /// The newest state that can be read.
    ///
    /// - Parameter note: told of damaged files that are passed over.
    /// - Returns: nil where there is no state file at all.
    /// - Throws: ``AnalyzerError/format(_:)`` when there are state files and none can be read.
    func newest(note: (String) -> Void) throws(AnalyzerError) -> TrainingState? {
        var failure: FormatError?
        for file in files() {
            do throws(FormatError) { return try Self.read(file) } catch {
                note("\(file) is not used: \(error.reason); going on from the state before it")
                failure = failure ?? error
            }
        }
        if let failure { throw .format(failure) }
        return nil
    }

    /// Reads a state file and checks every byte of it.
    static func read(_ file: String) throws(FormatError) -> TrainingState {
        let reader = try Checkpoint.open(file)
        func entry(_ key: String) -> String? { reader.metadata.entries.first { $0.key == key }?.value }
        guard let text = entry(key), let hash = entry(hashKey) else {
            throw FormatError(
                file, .invalid(section: "metadata", expected: "the state of a fine-tuning", found: "no '\(key)'"))
        }
        guard let versioned = try? decoder.decode(Versioned.self, from: Data(text.utf8)), versioned.schema == schema
        else {
            throw FormatError(
                file,
                .invalid(section: key, expected: schema, found: "another form; the file is of another version of ripe"))
        }
        var arrays: [(name: String, shape: Shape, values: [Float])] = []
        for info in reader.tensors {
            guard let values = try reader.tensor(info.name).floats() else {
                throw FormatError(
                    file, .invalid(section: "tensor '\(info.name)'", expected: "float32", found: "\(info.dtype)"))
            }
            arrays.append((info.name, info.shape, values))
        }
        let found = Self.hash(arrays, text)
        guard found == hash else {
            throw FormatError(file, .invalid(section: "content", expected: "checksum \(hash)", found: found))
        }
        return TrainingState(
            progress: versioned.progress,
            network: NetworkState(
                arrays: arrays, stepCounts: versioned.stepCounts, averageUpdates: versioned.averageUpdates))
    }

    /// A fingerprint of everything; arrays are taken by name, as a file may keep them in another order.
    private static func hash(_ arrays: [(name: String, shape: Shape, values: [Float])], _ text: String) -> String {
        let parts = arrays.sorted { $0.name < $1.name }.map { array in
            "\(array.name) \(array.shape) \(array.values.withUnsafeBytes { ContentHash(of: $0) })"
        }
        return ContentHash((parts + [text]).joined(separator: "\n")).hexadecimal
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return encoder
    }

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }
}
