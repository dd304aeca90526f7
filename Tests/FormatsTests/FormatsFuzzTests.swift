// Damaged files: flipped and cut everywhere, a reader returns or throws and never traps.

import FoundationEssentials
import Testing
import TestSupport

@testable import Formats

@Suite struct FormatsFuzzTests {
    /// A small multiplicative generator (Knuth's MMIX constants): the same damage on each run.
    private struct Dice {
        var state: UInt64

        mutating func roll(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(max(bound, 1)))
        }
    }

    private static let files = [
        "pt_views.pt", "pt_param.pt", "leg.pth", "lightning_last.ckpt", "mod.pt", "ts.pt", "evil.pt", "protocol0.pt",
        "protocol4.pt", "big_endian.pt", "deflated.pt", "conjugate.pt", "nnunet.pth", "a.safetensors",
        "every_dtype.safetensors", "tied.safetensors", "a.npz", "arrays.npz", "arrays_deflated.npz", "fortran.npy",
        "unreadable_kinds.pt", "legacy_views.pt",
    ]

    /// Opens and reads everything; the sum keeps the reads from being dropped.
    private func readAll(_ bytes: [UInt8]) -> Int {
        guard let checkpoint = try? openCheckpoint(bytes) else { return 0 }
        return checkpoint.tensors.reduce(checkpoint.metadata.warnings.count) { sum, tensor in
            sum &+ ((try? checkpoint.tensor(tensor.name).bytes.count) ?? 0)
        }
    }

    @Test(arguments: files)
    func damageNeverTraps(file: String) throws {
        let bytes = try Bytes(mapping: TestData.fixtures + "/formats/" + file).array
        var dice = Dice(state: UInt64(bytes.count))
        var sum = 0
        for round in 0..<150 {
            var damaged = bytes
            switch round % 3 {
            case 0: damaged.removeLast(dice.roll(bytes.count) + 1)
            case 1: damaged[dice.roll(bytes.count)] ^= UInt8(1 << dice.roll(8))
            default:
                for _ in 0...dice.roll(8) { damaged[dice.roll(bytes.count)] = [0, 0xFF, 0x7F, 0x80][dice.roll(4)] }
            }
            sum &+= readAll(damaged)
        }
        #expect(readAll(bytes) > 0)
        #expect(sum >= 0)
    }

    /// Damage inside the pickle alone, past the zip's checksums.
    @Test(arguments: ["pt_views.pt", "pt_param.pt", "mod.pt", "protocol0.pt", "protocol4.pt", "nnunet.pth"])
    func damagedPicklesNeverTrap(file: String) throws {
        let archive = try ZipArchive(TestData.fixtures + "/formats/" + file)
        let name = try #require(PyTorchCheckpoint.pickleName(in: archive))
        let members = try archive.members.map { (name: $0.name, data: try archive.contents(of: $0).array) }
        let pickle = try #require(members.first { $0.name == name }?.data)
        var dice = Dice(state: 7)
        var opened = 0
        for _ in 0..<150 {
            var damaged = pickle
            for _ in 0...dice.roll(3) { damaged[dice.roll(pickle.count)] = UInt8(dice.roll(256)) }
            opened += readAll(zipBytes(members.map { ($0.name, $0.name == name ? damaged : $0.data) })) > 0 ? 1 : 0
        }
        #expect(opened > 0)
    }

    /// Damage inside a safetensors header alone.
    @Test func damagedHeadersNeverTrap() throws {
        let bytes = try Bytes(mapping: TestData.fixtures + "/formats/every_dtype.safetensors").array
        let size = Int(bytes[0]) + Int(bytes[1]) << 8
        var dice = Dice(state: 9)
        for _ in 0..<300 {
            var damaged = bytes
            damaged[8 + dice.roll(size)] = Array("0123456789-.e[]{},:\" ".utf8)[dice.roll(21)]
            _ = readAll(damaged)
        }
        #expect(readAll(bytes) > 0)
    }
}
