// `ripe inspect`: what a file is and what it holds.

import ArgumentParser
import Formats

/// Says what a checkpoint or image file is, without running anything in it.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a checkpoint or image file is and what it holds.",
        discussion: """
            Files are known by their content, not by their name. Nothing in a checkpoint is ever run: a pickle that wants to \
            call something is shown with what it would call.
            """)

    @Argument(help: "A checkpoint, a shard index, a NIfTI volume or a PNG image.", completion: .file())
    var file: String

    @OptionGroup var architecture: ArchitectureOptions

    @Flag(help: "Print JSON and nothing else.")
    var json = false

    func run() throws {
        let bytes = try Bytes(mapping: file)
        let kind = FileKind(bytes)
        if kind == .png {
            let report = ImageReport(try PNGImage(bytes, path: file), fileBytes: bytes.count)
            try print(report.json, report.lines(for: .output))
        } else if let volume = try volume(kind) {
            let report = VolumeReport(volume, fileBytes: bytes.count)
            try print(report.json, report.lines(for: .output))
        } else {
            let report = CheckpointReport(
                try Checkpoint.open(file), fileBytes: bytes.count, hints: architecture.hints())
            try print(report.json, report.lines(for: .output))
        }
    }

    /// The file as a volume, or nil when it is none.
    private func volume(_ kind: FileKind) throws -> Volume? {
        switch kind {
        case .nifti1, .nifti2, .gzip: try Volume(reading: file)
        // The voxels of a .hdr/.img pair look like nothing known; the header beside them tells.
        case .unknown, .zeros: try? Volume(reading: file)
        default: nil
        }
    }

    private func print(_ json: @autoclosure () -> JSON, _ lines: @autoclosure () -> [String]) throws {
        if self.json { try Console.write(json().text()) } else { try Console.write(lines()) }
    }
}
