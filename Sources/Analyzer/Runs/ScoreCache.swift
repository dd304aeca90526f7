// Finished scores on disk: one small file for each checkpoint, target and choice of settings.

import FoundationEssentials
public import Formats

/// What is kept of a scored checkpoint.
public struct CachedScore: Sendable, Hashable, Codable {
    /// The network in words.
    public var architecture: String
    /// Whether its BatchNorm statistics are still 0 and 1; nil without BatchNorm.
    public var hasInitialStatistics: Bool?
    /// The scores.
    public var score: CheckpointScore

    /// Bundles what is kept.
    public init(architecture: String, hasInitialStatistics: Bool?, score: CheckpointScore) {
        self.architecture = architecture
        self.hasInitialStatistics = hasInitialStatistics
        self.score = score
    }
}

/// A folder of finished scores, which runs and machines may share.
///
/// A result's name is a hash of everything that the scores depend on: the checkpoint's content, the target's, the settings
/// and the version of the computation. So a rerun scores only what is new, a killed run goes on where it was, and nothing
/// is ever updated in place: files appear complete under their name (written aside and renamed), two writers of one name
/// write the same content, and no locks are needed on a shared file system. Each file holds its own key and ends with a
/// CRC-32 of all before; a file that does not check out is ignored and written anew.
///
///     FOLDER/ab/abcdef….json   {"schema":"ripe.result/1","key":"abcdef…","result":{…},"crc32":"0123abcd"}
public struct ScoreCache: Sendable {
    /// The folder; made when the first result is stored.
    public let folder: String

    /// What the number of this version stands for: raise it when equal inputs would give other scores.
    private static let computation = "scores 2"
    private static let schema = "ripe.result/1"

    /// Uses a folder.
    public init(folder: String) { self.folder = folder }

    /// Where results are kept when no output folder is given: `$XDG_CACHE_HOME/ripe/results`, else
    /// `~/.cache/ripe/results`; nil without a home.
    public static func defaultFolder(environment: [String: String]) -> String? {
        if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") { return cache + "/ripe/results" }
        guard let home = environment["HOME"], !home.isEmpty else { return nil }
        return home + "/.cache/ripe/results"
    }

    /// The name of a result.
    ///
    /// - Parameters:
    ///   - checkpoint: a fingerprint of the checkpoint's content.
    ///   - target: a fingerprint of the images as the network sees them: their content and how they were prepared.
    ///   - details: what else the scores depend on, such as the architecture that the user named.
    public static func key(
        checkpoint: String, target: String, options: ScoringOptions, details: [String]
    ) -> ContentHash {
        let parts = [computation, checkpoint, target, options.cacheKey] + details
        // Lengths in front, so that no two lists run together to the same text.
        return ContentHash(parts.map { "\($0.utf8.count):\($0)" }.joined(separator: "\n"))
    }

    /// What a look into the cache finds.
    public enum Lookup: Sendable, Hashable {
        /// The result.
        case found(CachedScore)
        /// Nothing there.
        case missing
        /// A file that does not check out, and why; its result is computed anew.
        case damaged(path: String, reason: String)
    }

    /// Looks for a result.
    public func lookup(_ key: ContentHash) -> Lookup {
        let path = path(of: key)
        guard FileManager.default.fileExists(atPath: path) else { return .missing }
        guard let bytes = try? Bytes(mapping: path) else { return .damaged(path: path, reason: "it cannot be read") }
        guard let body = Self.checkedBody(bytes) else {
            return .damaged(path: path, reason: "it is cut short or changed")
        }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = Self.floats.decoding
        guard let file = try? decoder.decode(File.self, from: Data(body)), file.schema == Self.schema else {
            return .damaged(path: path, reason: "it was written by another version")
        }
        guard file.key == key.hexadecimal else { return .damaged(path: path, reason: "it holds another result") }
        return .found(file.result)
    }

    /// Stores a result.
    ///
    /// - Throws: ``FormatError`` when the folder or file cannot be written.
    public func store(_ result: CachedScore, as key: ContentHash) throws(FormatError) {
        let path = path(of: key)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.nonConformingFloatEncodingStrategy = Self.floats.encoding
        let body: Data
        do {
            try FileManager.default.createDirectory(
                atPath: folder + "/" + key.hexadecimal.prefix(2), withIntermediateDirectories: true)
            body = try encoder.encode(File(schema: Self.schema, key: key.hexadecimal, result: result))
        } catch {
            throw FormatError(path, .system(action: "store the result", detail: "the folder cannot be written"))
        }
        var text = Array(body.dropLast())  // without the closing brace
        let checksum = String(Inflate.crc32(Bytes(copying: text)), radix: 16)
        let digits = String(repeating: "0", count: 8 - checksum.count) + checksum
        text += Array(",\"crc32\":\"\(digits)\"}\n".utf8)
        var file = try AtomicFile(path)
        try file.write(text)
        try file.commit()
    }

    private func path(of key: ContentHash) -> String {
        "\(folder)/\(key.hexadecimal.prefix(2))/\(key.hexadecimal).json"
    }

    private struct File: Codable {
        let schema: String
        let key: String
        let result: CachedScore
    }

    private static let floats:
        (
            encoding: JSONEncoder.NonConformingFloatEncodingStrategy,
            decoding: JSONDecoder.NonConformingFloatDecodingStrategy
        ) = (
            .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan"),
            .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        )

    /// The JSON of a file whose checksum is right, without the checksum.
    private static func checkedBody(_ bytes: Bytes) -> [UInt8]? {
        let tail = ",\"crc32\":\"00000000\"}\n".utf8.count
        guard bytes.count > tail, let body = bytes.slice(0, bytes.count - tail),
            let end = bytes.slice(bytes.count - tail, tail)?.utf8, end.hasPrefix(",\"crc32\":\""),
            end.hasSuffix("\"}\n"),
            let stated = UInt32(end.dropFirst(10).prefix(8), radix: 16), stated == Inflate.crc32(body)
        else { return nil }
        return body.array + Array("}".utf8)
    }
}
