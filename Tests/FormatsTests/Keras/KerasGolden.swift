// What h5py and Keras say about the files in fixtures/formats/keras; written by fixtures/generate/keras_golden.py.

import TestSupport
import Testing

@testable import Formats

/// The golden record.
enum KerasGolden {
    static let folder = TestData.fixtures + "/formats/keras/"

    /// The whole record, parsed once.
    static let json: Result<JSON, FormatError> = {
        let path = TestData.fixtures + "/golden/keras.json"
        do throws(FormatError) {
            return .success(try JSON(Bytes(mapping: path), path: path, section: "golden"))
        } catch { return .failure(error) }
    }()

    /// A data set or variable as the original library read it.
    struct Entry {
        let path: [String]
        let role: String?
        let dtype: String?
        let shape: Shape
        let checksum: UInt32
        let values: [Double]

        init(_ json: JSON) throws {
            path = try json["path"]?.array?.map { try #require($0.string) } ?? [#require(json["path"]?.string)]
            role = json["role"]?.string
            dtype = json["dtype"]?.string
            shape = Shape(try #require(json["shape"]?.array).map { try #require($0.int) })
            checksum = try UInt32(#require(json["crc32"]?.int))
            values = try json["values"]?.array?.map { try #require($0.double) } ?? []
        }
    }

    /// The names of all files with recorded data sets.
    static let fileNames: [String] = (try? json.get()["files"]?.members?.map(\.key)) ?? []

    /// The data sets of a file by path.
    static func dataSets(_ name: String) throws -> [Entry] {
        try #require(json.get()["files"]?[name]?.array).map(Entry.init)
    }

    /// The variables of a model that Keras rebuilt, in its order.
    static func table(_ name: String) throws -> [Entry] {
        try #require(json.get()["tables"]?[name]?.array).map(Entry.init)
    }

    private static let packed: Set<String> = ["many_layers.h5", "resnet50_names.h5"]

    /// The HDF5 bytes of a recorded file, unpacked where it is packed.
    static func hdf5Bytes(_ name: String) throws -> Bytes {
        if packed.contains(name) {
            return try Inflate.gzip(Bytes(mapping: folder + name + ".gz"), path: name, limit: 16 << 20)
        }
        guard name.hasSuffix(".keras") else { return try Bytes(mapping: folder + name) }
        return try #require(try ZipArchive(folder + name).contents(named: "model.weights.h5"))
    }

    /// Opens a recorded file as its kind.
    static func open(_ name: String) throws -> any CheckpointReader {
        let path = folder + name
        if name.hasSuffix(".keras") { return try openKerasArchive(path: path, archive: ZipArchive(path)) }
        if name.hasSuffix(".json") { return try openKerasSharded(path: path, bytes: Bytes(mapping: path)) }
        return try openKerasHDF5(path: path, bytes: hdf5Bytes(name))
    }
}

/// The CRC-32 of a tensor's packed values.
func checksum(_ view: TensorView) -> UInt32 { Inflate.crc32(view.bytes) }
