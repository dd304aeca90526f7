// A tiny segmentation task: bright squares on noise, eight cases of two images, as PNG files.

import Formats
import FoundationEssentials
import TestSupport
import Testing

@testable import Analyzer

/// A folder with train/ and test/ in it, each with images/ and masks/.
struct SquaresTarget {
    let folder: TemporaryFolder
    var train: String { folder.path + "/train" }
    var test: String { folder.path + "/test" }
    let out: String

    /// - Parameter side: rows and columns of every image.
    init(side: Int = 32, cases: Int = 8) throws {
        folder = try TemporaryFolder()
        out = folder.path + "/out"
        for (part, count) in [("train", cases), ("test", 2)] {
            for kind in ["images", "masks"] {
                try FileManager.default.createDirectory(
                    atPath: "\(folder.path)/\(part)/\(kind)", withIntermediateDirectories: true)
            }
            for number in 0..<count {
                for slice in 0..<2 {
                    let name = "\(part)_\(100 + number)_s00\(slice).png"
                    try write(name, seed: 10 * number + slice + (part == "test" ? 1000 : 0), side, part)
                }
            }
        }
    }

    private func write(_ name: String, seed: Int, _ side: Int, _ part: String) throws {
        var numbers = CounterGenerator(seed: UInt64(seed), purpose: .grouping, place: 1)
        let (top, left) = (4 + numbers.next(below: side / 2 - 4), 4 + numbers.next(below: side / 2 - 4))
        var image = [UInt8](repeating: 0, count: side * side)
        var mask = image
        for row in 0..<side {
            for column in 0..<side {
                let isInside = (top..<top + side / 3).contains(row) && (left..<left + side / 3).contains(column)
                image[row * side + column] = UInt8((isInside ? 150 : 40) + numbers.next(below: 60))
                mask[row * side + column] = isInside ? 1 : 0
            }
        }
        for (kind, pixels) in [("images", image), ("masks", mask)] {
            try PNGImage(
                samples: TensorView(dtype: .uint8, shape: [side, side, 1], bytes: Bytes(copying: pixels))
            ).write(to: "\(folder.path)/\(part)/\(kind)/\(name)")
        }
    }

    static let checkpoint = TestData.fixtures + "/checkpoints/pytorch/model_state_dict_epoch_3.pt"

    /// The arguments of a short fine-tuning.
    func arguments(out: String? = nil, _ more: String...) -> [String] {
        [
            "finetune", Self.checkpoint, "--target", train, "--image-size", "32", "--decoder-channels",
            "32,16,16,8,8", "--epochs", "3", "--batch", "4", "--threads", "1", "--augment", "flips,rotate=20,scale=0.1",
            "--seed", "5", "--out", out ?? self.out,
        ] + more
    }

    /// The bytes of a file below the folder of results.
    func bytes(_ name: String, in out: String? = nil) throws -> Data {
        try Data(contentsOf: URL(filePath: "\(out ?? self.out)/\(name)"))
    }

    /// A column of history.csv.
    func column(_ name: String) throws -> [Double] {
        let lines = String(decoding: try bytes("history.csv"), as: UTF8.self).split(separator: "\n")
        let rows = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        let index = try #require(rows[0].firstIndex { $0 == name })
        return rows.dropFirst().compactMap { Double($0[index]) }
    }
}

/// Runs `ripe` with a list of arguments to its end.
func ripe(_ arguments: [String], within seconds: Double = 300) throws -> Finished {
    try Running(arguments).finish(within: seconds)
}
