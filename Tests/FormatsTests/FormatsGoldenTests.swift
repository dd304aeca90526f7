// Files written by PyTorch, safetensors and NumPy, compared tensor by tensor with what those libraries read back
// (fixtures/generate/formats_golden.py): names in order, types, shapes, and every byte by its CRC-32.

import Testing
import TestSupport

@testable import Formats

/// What fixtures/golden/formats.json says.
struct FormatsGolden {
    let files: [JSON.Member]

    init() throws {
        let path = TestData.fixtures + "/golden/formats.json"
        files = try #require(try JSON(Bytes(mapping: path), path: path, section: "golden").members)
    }

    static let names: [String] = (try? FormatsGolden().files.map(\.key)) ?? []
}

@Suite struct FormatsGoldenTests {
    @Test func thereAreFilesToCompare() {
        #expect(FormatsGolden.names.count == 55)
    }

    @Test(arguments: FormatsGolden.names)
    func everyTensorIsWhatItsOwnLibraryReads(name: String) throws {
        let golden = try #require(try FormatsGolden().files.first { $0.key == name }?.value)
        let expected = try #require(golden["tensors"]?.array)
        let checkpoint = try Checkpoint.open(TestData.fixtures + "/formats/" + name)
        #expect(checkpoint.tensors.map(\.name) == expected.map { $0["name"]?.string })
        for entry in expected { try check(entry, in: checkpoint) }
        checkFacts(golden, checkpoint)
    }

    private func check(_ entry: JSON, in checkpoint: any CheckpointReader) throws {
        let name = try #require(entry["name"]?.string)
        let info = try #require(checkpoint.tensors.first { $0.name == name })
        let view = try checkpoint.tensor(name)
        #expect(info.dtype.description == entry["dtype"]?.string, "\(name)")
        #expect(view.dtype == info.dtype)
        #expect(view.shape == info.shape)
        #expect(info.shape.axes == entry["shape"]?.array?.compactMap(\.int), "\(name)")
        #expect(Int(Inflate.crc32(view.bytes)) == entry["crc32"]?.int, "\(name)")
        guard let first = entry["first"]?.array?.compactMap(\.double), view.dtype != .float4 else { return }
        let floats = try #require(view.floats())
        #expect(Array(floats.prefix(4)) == first.map { Float($0) }, "\(name)")
    }

    private func checkFacts(_ golden: JSON, _ checkpoint: any CheckpointReader) {
        let metadata = checkpoint.metadata
        if let format = golden["format"]?.string { #expect(checkpoint.format == format) }
        if let wrapper = golden["wrapper"]?.array { #expect(metadata.wrapper == wrapper.compactMap(\.string)) }
        if let prefix = golden["prefix"]?.string { #expect(metadata.strippedPrefix == prefix) }
        if let epoch = golden["epoch"]?.int { #expect(metadata.epoch == epoch) }
        if let step = golden["step"]?.int { #expect(metadata.step == step) }
        if let writer = golden["writer"]?.string { #expect(metadata.writer == writer) }
        if let count = golden["otherTensors"]?.int { #expect(metadata.otherTensorCount == count) }
        if let count = golden["otherBytes"]?.int { #expect(metadata.otherTensorBytes == count) }
        if let count = golden["unused"]?.int { #expect(metadata.unusedBytes == count) }
        if let count = golden["warnings"]?.int { #expect(metadata.warnings.count == count, "\(metadata.warnings)") }
        for entry in golden["entries"]?.members ?? [] {
            #expect(metadata.entries.first { $0.key == entry.key }?.value == entry.value.string)
        }
        for alias in golden["aliases"]?.members ?? [] { #expect(metadata.aliases[alias.key] == alias.value.string) }
        for call in golden["foreign"]?.members ?? [] {
            let found = metadata.foreignCalls.first { $0.name == call.key }
            #expect(found?.isDangerous == call.value.bool, "\(call.key) in \(metadata.foreignCalls)")
        }
        if golden["dangerous"]?.int == 0 { #expect(metadata.foreignCalls.filter(\.isDangerous) == []) }
    }
}
