// How a result came to be: run.json, schema `ripe.run/1`. Nothing of this stands in the other files, which are the same bytes
// whenever they are made.

public import Formats

/// What a command was, and what it took.
public struct RunRecord: Sendable, Hashable {
    /// The command line, the program first.
    public var arguments: [String]
    /// Where it was run.
    public var workingDirectory: String
    /// The program's version.
    public var version: String
    /// Names and versions of libraries.
    public var libraries: [JSON.Member]
    /// The processor's name, and the instruction set that the networks used.
    public var processor: String, instructionSet: String
    /// How many threads it used.
    public var threads: Int
    /// When it began and ended: ISO 8601, UTC.
    public var started: String, ended: String
    /// Seconds by the clock, and of all processors together.
    public var wallSeconds: Double, processorSeconds: Double
    /// The most memory that it held.
    public var peakBytes: Int
    /// Checkpoints that were scored, and whose scores were known from earlier.
    public var scoredCheckpoints = 0, knownCheckpoints = 0

    /// The schema's name and version.
    public static let schema = "ripe.run/1"
    /// More commands than this are not kept.
    static let commandLimit = 50

    /// A record.
    public init(
        arguments: [String], workingDirectory: String, version: String, libraries: [(name: String, version: String)],
        processor: String, instructionSet: String, threads: Int, started: String, ended: String, wallSeconds: Double,
        processorSeconds: Double, peakBytes: Int
    ) {
        self.arguments = arguments
        self.workingDirectory = workingDirectory
        self.version = version
        self.libraries = libraries.map { .init(key: $0.name, value: .string($0.version)) }
        self.processor = processor
        self.instructionSet = instructionSet
        self.threads = threads
        self.started = started
        self.ended = ended
        self.wallSeconds = wallSeconds
        self.processorSeconds = processorSeconds
        self.peakBytes = peakBytes
    }

    /// The record as an element of the file's list.
    var json: JSON {
        .object([
            "command": .strings(arguments), "workingDirectory": .string(workingDirectory),
            "version": .string(version), "libraries": .object(libraries), "processor": .string(processor),
            "instructionSet": .string(instructionSet), "threads": .integer(threads), "started": .string(started),
            "ended": .string(ended), "wallSeconds": .real(wallSeconds), "processorSeconds": .real(processorSeconds),
            "peakMemoryBytes": .integer(peakBytes), "checkpointsScored": .integer(scoredCheckpoints),
            "checkpointsFromCache": .integer(knownCheckpoints),
        ])
    }

    /// Writes the record into a folder's run.json.
    ///
    /// Records of other commands in the same folder stay; one of the same command is replaced, unless this one went on with
    /// it (`--resume`).
    ///
    /// - Throws: ``FormatError`` when the file cannot be written. One that is there and damaged is replaced.
    public func write(to folder: String) throws(FormatError) {
        let path = folder + "/run.json"
        let isContinued = arguments.contains("--resume")
        let earlier = Self.commands(in: path).filter { record in
            isContinued || record["command"]?.array?.dropFirst().first?.string != arguments.dropFirst().first
        }
        let commands = earlier.suffix(Self.commandLimit - 1) + [json]
        let file = JSON.object(["schema": .string(Self.schema), "commands": .array(Array(commands))])
        try AtomicFile.write(file.text() + "\n", to: path)
    }

    private static func commands(in path: String) -> [JSON] {
        guard let bytes = try? Bytes(mapping: path), bytes.count <= ReportFiles.tableLimit,
            let file = try? JSON(bytes, path: path, section: "content")
        else { return [] }
        return (try? commands(of: file)) ?? []
    }

    /// The list in a file's content.
    ///
    /// - Throws: ``FormatError`` with `.invalid` for another file's content.
    static func commands(of file: JSON, path: String = "run.json") throws(FormatError) -> [JSON] {
        guard let schema = file["schema"]?.string, schema.hasPrefix("ripe.run/"), let list = file["commands"]?.array
        else {
            throw FormatError(
                path,
                .invalid(
                    section: "content", expected: "an object with schema ripe.run/1 and commands",
                    found: file["schema"]?.string ?? "something else"))
        }
        return list
    }
}
