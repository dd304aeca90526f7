// `ripe bench volume`: how fast a NIfTI volume is read and written here.

import ArgumentParser
import Formats
import FoundationEssentials

extension Bench {
    /// Times reading and writing of one volume.
    struct Volume: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Time the reading and writing of a NIfTI volume.",
            discussion: """
                Every run opens the file anew; it lies in the page cache after the first, which is not counted. Writing \
                includes what makes the new file durable.
                """)

        /// What is timed.
        enum Step: String, CaseIterable, ExpressibleByArgument {
            /// Voxels as stored.
            case read
            /// Voxels as physical values, float32.
            case floats
            /// Stored voxels to a new file.
            case write
        }

        @Argument(help: "A .nii, .nii.gz or .hdr file.", completion: .file())
        var file: String

        @Option(help: "Timed runs; the median counts.")
        var runs = 5

        @Option(help: "Time only this: read, floats or write.")
        var only: Step?

        @Option(help: "Where the written volume goes; its ending decides whether it is compressed. (default: removed)")
        var out: String?

        @Option(help: "Also save the float32 values as .npy, z first.")
        var values: String?

        @Flag(help: "Print JSON and nothing else.")
        var json = false

        func validate() throws {
            guard (1...1000).contains(runs) else { throw ValidationError("--runs must be from 1 to 1000") }
        }

        func run() throws {
            Interrupt.install()
            let steps = only.map { [$0] } ?? Step.allCases
            let size = try Formats.Volume(reading: file).voxels.bytes.count
            var seconds: [(step: Step, median: Double)] = []
            for step in steps { seconds.append((step, try median(of: step))) }
            if let values {
                let volume = try Formats.Volume(reading: file)
                try NumPy.write(TensorView(floats: volume.floats(), shape: volume.voxels.shape), to: values)
            }
            try report(seconds, size: size)
        }

        /// The median seconds of a step, after one run that warms up.
        private func median(of step: Step) throws -> Double {
            let volume = step == .write ? try Formats.Volume(reading: file) : nil
            let place =
                out ?? FileManager.default.temporaryDirectory.path
                + "/ripe-bench-\(ProcessInfo.processInfo.processIdentifier).nii.gz"
            defer { if step == .write, out == nil { try? FileManager.default.removeItem(atPath: place) } }
            var seconds: [Double] = []
            for run in 0...runs {
                try Interrupt.check("stopped")
                let time = try ContinuousClock().measure {
                    switch step {
                    case .read: _ = try Formats.Volume(reading: file)
                    case .floats: _ = try Formats.Volume(reading: file).floats()
                    case .write: try volume?.write(to: place)
                    }
                }
                if run > 0 { seconds.append(time.inSeconds) }
            }
            return seconds.sorted()[seconds.count / 2]
        }

        private func report(_ seconds: [(step: Step, median: Double)], size: Int) throws {
            guard !json else {
                let members = seconds.map { JSON.Member(key: $0.step.rawValue, value: .real($0.median)) }
                return try Console.write(
                    JSON.object(members + [JSON.Member(key: "voxelBytes", value: .integer(size))]).text())
            }
            let names = [Step.read: "read", .floats: "read as float32", .write: "write"]
            var facts = FactList()
            for (step, median) in seconds {
                let rate = Double(size) / median / 1e6
                facts.add(
                    names[step] ?? "", "\(significant(1000 * median, 3)) ms, \(significant(rate, 3)) MB/s of voxels")
            }
            try Console.write(["\(file), median of \(counted(runs, "run", "runs"))"] + facts.lines(for: .output))
        }
    }
}
