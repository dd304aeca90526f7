// What a conversion changes: format, names, types, and what is left out.

import ArgumentParser
import Formats

/// The options of `ripe convert`.
struct ConvertOptions: ParsableArguments {
    @Option(
        help: "The format to write: \(allWords(CheckpointFormat.self)). (default: by OUT's ending)",
        transform: { try word($0, CheckpointFormat.self) })
    var to: CheckpointFormat?

    @Option(
        help: "Whose names and layouts to write: keep, \(allWords(Dialect.self)).",
        transform: { $0 == "keep" ? nil : try word($0, Dialect.self) })
    var dialect: Dialect?

    @Option(
        help: "The type of floating-point tensors: keep, f32, f16, bf16.",
        transform: { try FloatType(argument: $0) })
    var dtype = FloatType.keep

    @Option(
        help: ArgumentHelp(
            "Take only tensors whose names match; '!GLOB' leaves out what matches. May be given again.",
            valueName: "glob"))
    var only: [String] = []

    @Option(
        help: ArgumentHelp(
            "Give a tensor, or all below a name that ends before a dot or slash, another name. May be given again.",
            valueName: "from=to"))
    var rename: [String] = []

    @Option(name: .customLong("strip-prefix"), help: ArgumentHelp("Take this off the names.", valueName: "p"))
    var stripPrefix = ""

    @Option(
        name: .customLong("shard-size"),
        help: ArgumentHelp(
            "safetensors only: the most bytes in one file, such as 2GB; more becomes shards with an index.",
            valueName: "size"),
        transform: byteCount)
    var shardSize: Int?

    @Flag(name: .customLong("drop-head"), help: "Leave out the classification head.")
    var dropHead = false

    @Flag(name: .customLong("with-optimizer"), help: "Keep optimizer state and the like too.")
    var withOptimizer = false

    @Flag(
        name: .customLong("fold-epsilon"),
        help:
            "With --dialect: where the target's BatchNorm epsilon differs, add the difference to the running variances."
    )
    var foldEpsilon = false

    @Flag(
        name: .customLong("reverse-input"),
        help: "With --dialect: reverse the first convolution's input channels (BGR to RGB, RGB to BGR).")
    var reverseInput = false

    func validate() throws {
        for text in rename where Self.pair(text) == nil {
            throw ValidationError("--rename takes FROM=TO, found '\(text)'")
        }
        if dialect == nil, foldEpsilon || reverseInput {
            throw ValidationError("--\(foldEpsilon ? "fold-epsilon" : "reverse-input") needs --dialect")
        }
        if let shardSize, shardSize < 1 { throw ValidationError("--shard-size must be at least one byte") }
    }

    /// The conversion that the options ask for.
    ///
    /// - Throws: ``ToolError`` with `.usage` when nothing says which format to write.
    func conversion(output: String) throws(ToolError) -> ConversionOptions {
        guard let format = to ?? CheckpointFormat(path: output) else {
            throw .usage("\(output): its ending is no checkpoint format's; say with --to which one to write")
        }
        if shardSize != nil, format != .safetensors {
            throw .usage("--shard-size splits safetensors; \(format.title) is one file")
        }
        var options = ConversionOptions(format: format)
        options.dialect = dialect
        options.dtype = dtype.dtype
        options.names.patterns = only
        options.names.renames = rename.compactMap(Self.pair)
        options.names.strippedPrefix = stripPrefix
        options.translation.foldsEpsilon = foldEpsilon
        options.translation.reversesInput = reverseInput
        options.dropsHead = dropHead
        options.includesOptimizer = withOptimizer
        return options
    }

    /// How the file is written.
    var writing: WritingOptions {
        var writing = WritingOptions()
        writing.shardByteCount = shardSize
        return writing
    }

    private static func pair(_ text: String) -> (from: String, to: String)? {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty else { return nil }
        return (parts[0], parts[1])
    }
}

/// What `--dtype` takes.
enum FloatType: String, CaseIterable {
    case keep, f32, f16, bf16

    init(argument: String) throws { self = try word(argument, FloatType.self) }

    var dtype: DType? {
        switch self {
        case .keep: nil
        case .f32: .float32
        case .f16: .float16
        case .bf16: .bfloat16
        }
    }
}

/// A size such as `2GB`, `500MB`, `1GiB` or `1000000`.
func byteCount(_ text: String) throws -> Int {
    let digits = text.prefix { $0.isNumber || $0 == "." }
    let units: [(String, Double)] = [
        ("", 1), ("b", 1), ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12), ("kib", 1024), ("mib", 1_048_576),
        ("gib", 1_073_741_824), ("k", 1e3), ("m", 1e6), ("g", 1e9),
    ]
    let unit = text.dropFirst(digits.count).lowercased()
    guard let number = Double(digits), let factor = units.first(where: { $0.0 == unit })?.1,
        let count = Int(exactly: (number * factor).rounded())
    else { throw ValidationError("expected a size such as 2GB or 500MB, found '\(text)'") }
    return count
}
