// `ripe convert`: a checkpoint, or a folder of them, into another format or another code base's names.

import Analyzer
import ArgumentParser
import FoundationEssentials
import Formats

/// Converts checkpoints.
struct Convert: ParsableCommand, RunsNetworks {
    static let configuration = CommandConfiguration(
        abstract: "Convert checkpoints between formats, and between the names of PyTorch, timm, Keras and others.",
        discussion: """
            Only the format changes unless you ask for more: names, shapes, types and bytes are kept. The format is that of \
            OUT's ending, or --to. A folder is converted as a sequence: one file each into the folder OUT.

            --dialect also translates names and layouts of a known network: ResNet, VGG, Swin, ConvNeXt, EfficientNet and \
            the paper's encoders. What no tensor tells (strides, epsilons, the order of colours) is said, never changed in \
            silence.

            Examples:
              ripe convert epoch_20.pt epoch_20.safetensors
              ripe convert last.ckpt encoder.pt --only 'encoder.*' --strip-prefix encoder. --drop-head
              ripe convert resnet50.pt resnet50.keras --dialect keras --verify
              ripe convert runs/resnet50 converted/ --to h5
            """)

    @Argument(help: "A checkpoint, or a folder of them.", completion: .file())
    var input: String

    @Argument(help: "The file to write; for a folder, the folder to write into.", completion: .file())
    var output: String

    @OptionGroup var options: ConvertOptions

    @Flag(help: "Read the output again, compare every tensor, and run both networks where they are known.")
    var verify = false

    @Flag(name: .customLong("dry-run"), help: "Show what would be written, tensor by tensor, and write nothing.")
    var dryRun = false

    @Flag(help: "Replace outputs that exist.")
    var overwrite = false

    @Flag(help: "Print JSON and nothing else.")
    var json = false

    @OptionGroup var threads: ThreadOptions

    var runsNetworks: Bool { verify }

    func validate() throws {
        if dryRun, verify { throw ValidationError("--dry-run writes nothing that --verify could read") }
    }

    func run() throws {
        Interrupt.install()
        if isFolder(input) {
            try convertFolder()
        } else {
            let place = try outputPath(for: input)
            let outcome = try job(input, place).run()
            try show([outcome])
            if outcome.problem != nil { throw ToolError.incomplete }
        }
    }

    private func job(_ input: String, _ output: String) throws -> ConversionJob {
        ConversionJob(
            input: input, output: output, options: try options.conversion(output: output), writing: options.writing,
            isDry: dryRun, replaces: overwrite, verifies: verify, threads: threads.count, isSilent: json)
    }

    /// The file that OUT means: itself, or in an existing folder one named after the input.
    private func outputPath(for input: String) throws -> String {
        guard isFolder(output) || output.hasSuffix("/") else { return output }
        guard let format = options.to else {
            throw ToolError.usage("\(output) is a folder: say with --to which format the file in it gets")
        }
        return joined(output, stem(of: input) + format.fileEnding)
    }

    // MARK: Folders

    private func convertFolder() throws {
        guard let format = options.to else {
            throw ToolError.usage("a folder needs --to, such as --to safetensors")
        }
        let sequence: CheckpointSequence
        do throws(AnalyzerError) { sequence = try CheckpointSequence.find([input]) } catch {
            throw ToolError.failure("\(error)")
        }
        let outputs = sequence.files.map { joined(output, outputName($0, format)) }
        for (index, path) in outputs.enumerated() {
            if let other = outputs[..<index].firstIndex(of: path) {
                throw ToolError.failure(
                    "\(path): both \(sequence.files[other].path) and \(sequence.files[index].path) would be written there; "
                        + "convert them one by one")
            }
        }
        for note in sequence.notes { Console.note("ripe: \(note)") }
        if !dryRun { try makeFolder(output) }
        var outcomes: [ConversionOutcome] = []
        for (file, path) in zip(sequence.files, outputs) {
            try Interrupt.check("stopped; \(counted(outcomes.count, "file")) converted")
            do {
                outcomes.append(try job(file.path, path).run())
            } catch let error as FormatError {
                outcomes.append(ConversionOutcome(input: file.path, output: path, failure: "\(error)"))
            }
        }
        outcomes += sequence.excluded.map {
            ConversionOutcome(input: $0.path, output: "", failure: "\($0.path): \($0.reason)")
        }
        try show(outcomes)
        if outcomes.contains(where: { $0.problem != nil }) { throw ToolError.incomplete }
    }

    /// The name in the output folder: the file's own; in folders named after steps, theirs before it.
    private func outputName(_ file: CheckpointFile, _ format: CheckpointFormat) -> String {
        let parts = file.name.split(separator: "/").map(String.init)
        return (parts.dropLast() + [stem(of: file.name)]).joined(separator: "-") + format.fileEnding
    }

    private func show(_ outcomes: [ConversionOutcome]) throws {
        if json {
            let list = JSON.array(outcomes.map(\.json))
            return try Console.write(JSON.object(["schema": .string("ripe.convert/1"), "files": list]).text())
        }
        let lines =
            outcomes.count == 1 && !isFolder(input)
            ? outcomes[0].lines(for: .output) : ConversionOutcome.summary(outcomes, for: .output)
        try Console.write(lines)
        // A single file's failure ends the command with its own message.
        for outcome in outcomes {
            if let problem = outcome.problem { Console.note("ripe: \(problem)") }
        }
    }
}

/// Whether there is a folder of that name.
private func isFolder(_ path: String) -> Bool {
    var isDirectory = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
}

private func makeFolder(_ path: String) throws {
    do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
        throw ToolError.failure("\(path): cannot create the folder; name another place")
    }
}

private func joined(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
}

/// A file's name without folders and without the endings that formats have.
private func stem(of path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let endings = [
        ".safetensors.index.json", ".bin.index.json", ".weights.json", ".weights.h5", ".safetensors", ".hdf5", ".h5",
        ".keras", ".npz", ".npy", ".ckpt", ".pth", ".pt", ".bin", ".onnx",
    ]
    guard let ending = endings.first(where: { name.lowercased().hasSuffix($0) }), ending.count < name.count else {
        return name
    }
    return String(name.dropLast(ending.count))
}
