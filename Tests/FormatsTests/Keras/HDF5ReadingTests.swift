// HDF5 as h5py reads it: every data set of every fixture, value for value.

import Testing

@testable import Formats

@Suite struct HDF5ReadingTests {
    @Test(arguments: KerasGolden.fileNames)
    func everyDataSetEqualsWhatH5pyReads(name: String) throws {
        let bytes = try KerasGolden.hdf5Bytes(name)
        let contents = try HDF5Contents(path: name, bytes: bytes)
        let dataSets = Dictionary(uniqueKeysWithValues: contents.dataSets.map { ($0.name, $0) })
        // h5py visits hard-linked objects once; opaque data without a name for its type is no tensor.
        let expected = try KerasGolden.dataSets(name).filter { $0.dtype != "opaque" }
        if name != "links.h5" { #expect(dataSets.count == expected.count) }
        for entry in expected {
            let dataSet = try #require(dataSets[entry.path[0]], "\(entry.path[0])")
            #expect(dataSet.element.dtype.description == entry.dtype, "\(dataSet.name)")
            #expect(dataSet.shape == entry.shape, "\(dataSet.name)")
            let values = try dataSet.values(in: bytes, path: name)
            #expect(checksum(values) == entry.checksum, "\(dataSet.name)")
            let floats = values.floats() ?? []
            if values.dtype != .bfloat16 {
                #expect(zip(floats, entry.values).allSatisfy { Double($0) == $1 }, "\(dataSet.name)")
            }
        }
    }

    @Test func contiguousValuesAreLentFromTheFile() throws {
        let bytes = try KerasGolden.hdf5Bytes("k3.weights.h5")
        let contents = try HDF5Contents(path: "k3.weights.h5", bytes: bytes)
        let kernel = try #require(contents.dataSets.first { $0.name == "layers/conv2d/vars/0" })
        guard case .contiguous(let offset) = kernel.storage else {
            Issue.record("\(kernel.storage)")
            return
        }
        #expect(offset == 10992)
        let values = try kernel.values(in: bytes, path: "k3.weights.h5")
        #expect(values.bytes.owner === bytes.owner)
        #expect(values.bytes.start == bytes.start + 10992)
    }

    @Test func attributesOfEitherStringKindAreRead() throws {
        let fixed = try HDF5Contents(path: "hw", bytes: KerasGolden.hdf5Bytes("hw_legacy.h5"))
        #expect(fixed.groups[""]?["layer_names"] == HDF5Text(strings: ["c", "b", "flatten", "d"], isScalar: false))
        #expect(fixed.groups[""]?["keras_version"] == HDF5Text(strings: ["2.15.0"], isScalar: true))
        #expect(fixed.groups["flatten"]?["weight_names"]?.strings == [])
        let variable = try HDF5Contents(path: "tfk", bytes: KerasGolden.hdf5Bytes("tfk.h5"))
        #expect(
            variable.groups[""]?["layer_names"]?.strings == ["img", "conv1", "bn1", "inner", "dw", "flatten", "fc"])
        #expect(variable.groups["bn1"]?["weight_names"]?.strings.last == "bn1/moving_variance:0")
        let latest = try HDF5Contents(path: "latest", bytes: KerasGolden.hdf5Bytes("latest.h5"))
        #expect(latest.groups[""]?["text"]?.strings == ["variable"])
    }

    @Test func whatIsNoTensorIsLeftOutWithANote() throws {
        let contents = try HDF5Contents(path: "types.h5", bytes: KerasGolden.hdf5Bytes("types.h5"))
        #expect(
            contents.notes.sorted() == [
                "'nothing' holds nothing (a null dataspace), which is no tensor",
                "'opaque' holds opaque values of 3 bytes, which is no tensor",
                "'record' holds records (a compound type), which is no tensor",
                "'text' holds text, which is no tensor",
            ])
    }

    @Test func onlyHardLinksAreFollowed() throws {
        let bytes = try KerasGolden.hdf5Bytes("links.h5")
        let contents = try HDF5Contents(path: "links.h5", bytes: bytes)
        #expect(contents.dataSets.map(\.name) == ["group/data", "hard"])
        #expect(contents.dataSets.map(\.storageName) == ["group/data", "group/data"])
        #expect(
            contents.notes == [
                "'external' is a link to another file, which is not followed", "'group/again' is group '' again",
                "'soft' is a soft link, which is not followed",
            ])
    }
}
