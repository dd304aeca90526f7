// `ripe features` as a command: what it writes, and what it leaves when it fails.

import Formats
import Glibc
import TestSupport
import Testing

@testable import Commands

@Suite struct FeaturesCommand {
    private let folder: TemporaryFolder
    private let checkpoint = "\(TestData.fixtures)/checkpoints/pytorch/model_state_dict_epoch_3.pt"

    init() throws {
        folder = try TemporaryFolder()
        let values = (0..<3 * 3 * 32 * 32).map { Float($0 % 97) / 96 }
        try NumPy.write(TensorView(floats: values, shape: [3, 3, 32, 32]), to: folder.path + "/x.npy")
    }

    private func features(_ more: String...) throws -> Finished {
        try Running(
            ["features", checkpoint, "--input", folder.path + "/x.npy", "--out", folder.path + "/f.npz"] + more
        ).finish()
    }

    private func written() throws -> [String: [Float]] {
        let arrays = try NumPy.readArchive(folder.path + "/f.npz")
        return Dictionary(uniqueKeysWithValues: arrays.map { ($0.name, $0.array.floats() ?? []) })
    }

    @Test func everyLevelIsWrittenWithItsShape() throws {
        let run = try features()
        #expect(
            run.output == "\(folder.path)/f.npz: level_1 3×16×16×16, level_2 3×64×8×8, level_3 3×128×4×4, "
                + "level_4 3×256×2×2, level_5 3×512×1×1\n")
        #expect(try written().keys.sorted() == ["level_1", "level_2", "level_3", "level_4", "level_5"])
    }

    @Test func levelsCountFromBothEnds() throws {
        #expect(try features("--level", "2,-1").code == 0)
        #expect(try written().keys.sorted() == ["level_2", "level_5"])
        let run = try features("--level", "-6")
        #expect(run.errors == "ripe: level -6: this network has levels 1…5 (or −5…−1 from the deepest)\n")
        #expect(run.code == 1)
    }

    @Test func neitherThreadsNorBatchChangeTheFeatures() throws {
        #expect(try features("--threads", "1", "--batch", "3").code == 0)
        let reference = try written()
        #expect(try features("--threads", "2", "--batch", "3").code == 0)
        #expect(try written() == reference)
        #expect(try features("--threads", "2", "--batch", "2").code == 0)
        for (level, values) in try written() {
            let other = try #require(reference[level])
            let scale = (other.reduce(0) { $0 + $1 * $1 } / Float(other.count)).squareRoot()
            #expect(zip(values, other).allSatisfy { abs($0 - $1) <= 2e-5 * scale }, "\(level)")
        }
    }

    @Test func greyImagesAreRepeatedToTheNetworksChannels() throws {
        let grey = (0..<2 * 32 * 32).map { Float($0 % 89) / 88 }
        let repeated = (0..<2).flatMap { image in
            (0..<3).flatMap { _ in grey[image * 1024..<(image + 1) * 1024] }
        }
        try NumPy.write(TensorView(floats: grey, shape: [2, 32, 32]), to: folder.path + "/x.npy")
        #expect(try features().code == 0)
        let fromGrey = try written()
        try NumPy.write(TensorView(floats: repeated, shape: [2, 3, 32, 32]), to: folder.path + "/x.npy")
        #expect(try features().code == 0)
        #expect(try written() == fromGrey)
    }

    @Test func aWrongInputIsNamed() throws {
        try NumPy.write(TensorView(floats: [1, 2], shape: [2]), to: folder.path + "/x.npy")
        let run = try features()
        #expect(
            run.errors == "ripe: \(folder.path)/x.npy: expected a float32 array N×C×H×W (or N×H×W), found float32 2\n")
        try NumPy.write(
            TensorView(floats: [Float](repeating: 0, count: 512), shape: [1, 2, 16, 16]), to: folder.path + "/x.npy")
        #expect(
            try features().errors
                == "ripe: \(folder.path)/x.npy: images with 2 channels, but \(checkpoint) takes 3\n")
        #expect(folder.contents == ["x.npy"])
    }

    @Test func aFullDiskLeavesNothingBehind() throws {
        let run = try ripe(
            "features", checkpoint, "--input", folder.path + "/x.npy", "--out", folder.path + "/f.npz",
            wrapper: "ulimit -f 4; \"$@\"")
        #expect(
            run.errors == "ripe: \(folder.path)/f.npz: cannot write: File too large; "
                + "make room there or name another place\n")
        #expect(run.code == 1)
        #expect(folder.contents == ["x.npy"])
    }

    @Test func anUnknownOptionOfTheNetworkListsTheKnownOnes() throws {
        let nowhere = try features("--arch-option", "depth=3")
        #expect(nowhere.code == 64)
        #expect(
            nowhere.errors
                == "ripe: --arch-option: unknown architecture option 'depth'; known: activation, config, "
                + "epsilon, head_conv, heads, ignore, image_size, img_size, input, padding, prefix, stem_pool, "
                + "stem_stride, stochastic_depth_rate, stride (see 'ripe help features')\n")
        let elsewhere = try features("--arch-option", "img_size=64")
        #expect(elsewhere.code == 1)
        #expect(
            elsewhere.errors == "ripe: \(checkpoint): unknown architecture option 'img_size'; known: ignore, input, "
                + "prefix, stochastic_depth_rate\n")
    }
}

@Suite struct VanishingInput {
    @Test func aMappedFileThatIsCutShortEndsWithAMessage() async throws {
        let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
            FileSignals.install()
            let path = "/tmp/ripe-vanishing-test"
            var file = try AtomicFile(path)
            try file.write([UInt8](repeating: 7, count: 20_000))
            try file.commit()
            let bytes = try Bytes(mapping: path)
            truncate(path, 0)
            unlink(path)
            print(bytes[12_000])
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("ripe: /tmp/ripe-vanishing-test"))
        #expect(text.contains("it was cut short or could not be read while it was in use"))
    }
}
