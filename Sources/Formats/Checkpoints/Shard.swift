// Files that hold one part of a checkpoint and need their index: `model-00001-of-00002.safetensors` of huggingface_hub
// (and its .bin twin), `model_00000.weights.h5` of Keras' save_weights(…, max_shard_size:).

import FoundationEssentials

/// One part of a checkpoint that was split over several files.
public struct Shard: Sendable, Hashable {
    /// Which part it is, from 1, and of how many.
    public var number: Int, count: Int
    /// The path of the index that says which tensor is where.
    public var index: String
    /// Whether the index is there.
    public var hasIndex: Bool

    /// Why the file cannot stand for the checkpoint, and what to do.
    public var explanation: String {
        let name = index.split(separator: "/").last.map { String($0) } ?? index
        return "this is shard \(number) of \(count), a part of a checkpoint; "
            + (hasIndex ? "give its index \(name) instead" : "its index \(name) is missing beside it")
    }

    /// A file whose name ends in `-NNNNN-of-NNNNN`, nil for all others and for the only part of one.
    public init?(_ path: String) {
        let (folder, file) = Self.split(path)
        let (stem, ending) = Self.ending(of: file)
        guard let (base, number, count) = Self.numbered(stem), count > 1 else { return nil }
        self.init(number: number, count: count, index: "\(folder)\(base)\(ending).index.json")
    }

    /// A shard by its name; or Keras weights `NAME_NNNNN.weights.h5` when the index lies beside them, or files of the same
    /// numbering that have no tensor in common with it: those of several epochs hold the same tensors.
    public init?(_ reader: any CheckpointReader) {
        if let named = Shard(reader.path) {
            self = named
            return
        }
        let (folder, file) = Self.split(reader.path)
        guard let (base, _) = Self.kerasNumbered(file) else { return nil }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
        let siblings = names.filter { $0 != file && Self.kerasNumbered($0)?.base == base }.sorted()
        var contents = [reader.path: reader.tensors.map(\.name)]
        // One of them tells; the others count.
        for sibling in siblings {
            let other = contents.count == 1 ? try? Checkpoint.open(folder + sibling).tensors.map(\.name) : []
            contents[folder + sibling] = other ?? []
        }
        guard let shard = Self.kerasShards(contents)[reader.path] else { return nil }
        self = shard
    }

    /// Which of several files, given by path and names of tensors, are Keras shards whose index was not given.
    public static func kerasShards(_ contents: [String: [String]]) -> [String: Shard] {
        var sets: [String: [(path: String, number: Int)]] = [:]
        for path in contents.keys {
            let (folder, file) = split(path)
            guard let (base, number) = kerasNumbered(file) else { continue }
            sets["\(folder)\(base).weights.json", default: []].append((path, number))
        }
        var shards: [String: Shard] = [:]
        for (index, members) in sets {
            let names = members.flatMap { Set(contents[$0.path] ?? []) }
            let isSplit = members.count > 1 && Set(names).count == names.count
            guard isSplit || FileManager.default.fileExists(atPath: index) else { continue }
            let count = max(members.count, (members.map(\.number).max() ?? 0) + 1)
            for member in members {
                shards[member.path] = Shard(number: member.number + 1, count: count, index: index)
            }
        }
        return shards
    }

    /// Whether a file is named as Keras names shards, and also as some name epochs.
    public static func isKerasNamed(_ path: String) -> Bool { kerasNumbered(split(path).file) != nil }

    private init(number: Int, count: Int, index: String) {
        (self.number, self.count, self.index) = (number, count, index)
        hasIndex = FileManager.default.fileExists(atPath: index)
    }

    // MARK: Names

    /// A name without its last part `-00001-of-00002`, and the numbers.
    static func numbered(_ stem: String) -> (base: String, number: Int, count: Int)? {
        let parts = stem.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count > 3, parts[parts.count - 2] == "of", let count = fiveDigits(parts[parts.count - 1]),
            let number = fiveDigits(parts[parts.count - 3])
        else { return nil }
        return (parts.dropLast(3).joined(separator: "-"), number, count)
    }

    /// `NAME_NNNNN.weights.h5` taken apart; also what several epochs may be called.
    static func kerasNumbered(_ file: String) -> (base: String, number: Int)? {
        guard file.hasSuffix(".weights.h5") else { return nil }
        let stem = file.dropLast(".weights.h5".count)
        guard stem.count > 6, stem.dropLast(5).hasSuffix("_"), let number = fiveDigits(stem.suffix(5)) else {
            return nil
        }
        return (String(stem.dropLast(6)), number)
    }

    private static func fiveDigits(_ text: Substring) -> Int? {
        text.utf8.count == 5 && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }

    private static func split(_ path: String) -> (folder: String, file: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        return (String(path[...slash]), String(path[path.index(after: slash)...]))
    }

    private static func ending(of file: String) -> (stem: String, ending: String) {
        guard let dot = file.lastIndex(of: ".") else { return (file, "") }
        return (String(file[..<dot]), String(file[dot...]))
    }
}
