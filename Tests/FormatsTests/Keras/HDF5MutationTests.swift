// Damaged HDF5 files: thousands of copies with a few bytes changed, and cuts at every length. Each must be refused with
// an error or be read within bounds; a crash or a hang of libhdf5 would end the test run.

import FoundationEssentials
import TestSupport
import Testing

@testable import Formats

@Suite struct HDF5MutationTests {
    /// Files that together have every structure: old and new groups, heaps, attributes of both kinds, all layouts.
    static let names = [
        "tfk.h5", "hw_legacy.h5", "k3.weights.h5", "types.h5", "chunked.h5", "latest.h5", "links.h5", "user_block.h5",
        "forms_weights.h5",
    ]

    /// Copies of each file; set RIPE_FUZZ_RUNS for a longer run.
    static let runs = ProcessInfo.processInfo.environment["RIPE_FUZZ_RUNS"].flatMap { Int($0) } ?? 150

    @Test(arguments: names)
    func changedBytesAreRefusedOrReadWithinBounds(name: String) throws {
        let original = try KerasGolden.hdf5Bytes(name).array
        var random = SplitMix64(seed: UInt64(original.count))
        // Structures are what is not zero, and its neighbours; values are left to chance.
        let places = original.indices.filter { index in
            original[max(0, index - 3)...min(original.count - 1, index + 7)].contains { $0 != 0 && $0 != 0xFF }
        }
        var refused = 0
        for _ in 0..<Self.runs {
            var bytes = original
            for _ in 0...random.next() % 4 { change(&bytes, at: places[random.below(places.count)], &random) }
            refused += isRefused(bytes) ? 1 : 0
        }
        // The checks bite, and not on everything.
        #expect(refused > 0 && refused < Self.runs)
    }

    @Test(arguments: ["tfk.h5", "latest.h5"])
    func everyCutIsReportedAsTruncated(name: String) throws {
        let original = try KerasGolden.hdf5Bytes(name).array
        for count in stride(from: 8, to: original.count, by: 1 + original.count / 200) {
            let text = message { try openKerasHDF5(path: "cut.h5", bytes: Bytes(copying: Array(original[..<count]))) }
            #expect(
                text.hasPrefix("cut.h5: HDF5 ") && (text.contains("cut short") || text.contains("more bytes")),
                "\(count): \(text)")
        }
    }

    /// Opens a file and reads all of it; true when an error said no.
    private func isRefused(_ bytes: [UInt8]) -> Bool {
        do {
            let checkpoint = try openKerasHDF5(path: "changed.h5", bytes: Bytes(copying: bytes))
            var isRefused = false
            for tensor in checkpoint.tensors {
                do {
                    let values = try checkpoint.tensor(tensor.name)
                    #expect(values.shape == tensor.shape && values.bytes.count == tensor.byteCount)
                } catch { isRefused = true }
            }
            _ = try KerasVariableTable(checkpoint)
            return isRefused
        } catch { return true }
    }

    /// One change: a bit, a byte, or a small or large number of 1 to 8 bytes.
    private func change(_ bytes: inout [UInt8], at place: Int, _ random: inout SplitMix64) {
        let kind = random.below(7)
        var number = UInt64(random.below(bytes.count * 2))
        var width = 1
        switch kind {
        case 0: number = UInt64(bytes[place] ^ 1 << UInt8(random.below(8)))
        case 1: number = 0xFF
        case 2: number = 0
        case 3: number = random.next()
        case 4: (number, width) = (UInt64(random.below(64)), 2)
        case 5: width = 4
        default: width = 8
        }
        for index in 0..<min(width, bytes.count - place) {
            bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))
        }
    }
}

/// A small generator with a fixed sequence (Steele, Lea and Flood 2014).
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// A number from 0 up to `bound`.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }
}
