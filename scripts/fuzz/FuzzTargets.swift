// One fuzz target for each reader. Where checksums or a container stand before the reader, the target builds them
// around the input, so that the fuzzer changes what lies behind them.

@testable import Engine
@testable import Formats

/// The targets by name.
let fuzzTargets: [String: FuzzTarget] = [
    "safetensors": { try readAll(SafetensorsCheckpoint(path: "fuzz.safetensors", bytes: $0)) },
    "shard-index": { bytes in
        let index = try ShardIndex(path: "fuzz.index.json", bytes: bytes)
        if index.isKeras {
            try readAll(openKerasSharded(path: "fixtures/formats/keras/fuzz.weights.json", bytes: bytes))
        }
    },
    "json": { bytes in try checkRoundTrip(JSON(bytes, path: "fuzz.json", section: "text")) },
    "pickle": { bytes in
        let graph = try PickleMachine.parse(bytes, path: "fuzz.pkl", section: "pickle")
        _ = (graph.foreignCalls(), graph.text(graph.root, limit: 200))
    },
    "pytorch-pickle": { try readAll(Checkpoint.open(path: "fuzz.pt", bytes: archiveAround(pickle: $0))) },
    "pytorch-zip": { try readAll(Checkpoint.open(path: "fuzz.pt", bytes: withZipChecksums($0))) },
    "pytorch-legacy": { try readAll(PyTorchCheckpoint(path: "fuzz.pth", legacy: $0)) },
    "numpy": { try readAll(NumPyCheckpoint(path: "fuzz.npy", npy: $0)) },
    "npz": { bytes in
        try readAll(
            NumPyCheckpoint(path: "fuzz.npz", archive: ZipArchive(path: "fuzz.npz", bytes: withZipChecksums(bytes))))
    },
    "zip": { bytes in
        let archive = try ZipArchive(path: "fuzz.zip", bytes: withZipChecksums(bytes))
        for member in archive.members {
            _ = try? archive.prefix(of: member, count: 256)
            _ = try? archive.contents(of: member)
        }
    },
    "hdf5": { try readAllKeras(openKerasHDF5(path: "fuzz.h5", bytes: withHDF5Checksums($0))) },
    "keras-archive": { bytes in
        let archive = try ZipArchive(path: "fuzz.keras", bytes: kerasArchive(sections(bytes, 3)))
        try readAllKeras(openKerasArchive(path: "fuzz.keras", archive: archive))
    },
    "keras-config": { bytes in
        let text = bytes.utf8 ?? ""
        _ = try? KerasLayer(configuration: text, path: "fuzz.json")
        _ = try KerasNetwork(JSON(text, path: "fuzz.json", section: "Keras configuration"), writer: nil)
    },
    "onnx": { bytes in
        let file = try ONNXCheckpoint(path: "fuzz.onnx", bytes: bytes)
        try readAll(file)
        _ = try ONNXNetwork.recognize(file, hints: ArchitectureHints())
    },
    "nifti": { bytes in
        try readAll(Volume(VolumeSource(path: "fuzz.nii", stored: bytes)))
        try readAll(Volume(VolumeSource(path: "fuzz.nii.gz", stored: Deflate.gzip(bytes))))
    },
    "nifti-pair": { bytes in
        let parts = sections(bytes, 2)
        try readAll(
            Volume(
                pairHeader: VolumeSource(path: "fuzz.hdr", stored: parts[0]),
                voxels: VolumeSource(path: "fuzz.img", stored: parts[1])))
    },
    "gzip": { bytes in
        _ = Inflate.gzipPrefix(bytes)
        _ = try? Inflate.gzip(bytes, path: "fuzz.gz", limit: 1 << 20)
        _ = try Inflate.gzip(gzipAround(deflate: bytes), path: "fuzz.gz", limit: 1 << 20)
    },
    "png": { bytes in
        let image = try PNGImage(withPNGChecksums(bytes), path: "fuzz.png", pixelLimit: 1 << 20)
        _ = try? image.labels()
        _ = try? image.labels(policy: MaskPolicy(mapsSingleValueToOne: true))
    },
]

/// Reads every tensor, and what the file says besides.
private func readAll(_ checkpoint: any CheckpointReader) throws {
    for tensor in checkpoint.tensors {
        guard let view = try? checkpoint.tensor(tensor.name) else { continue }
        precondition(view.shape == tensor.shape && view.dtype == tensor.dtype, "a tensor unlike its announcement")
        _ = view.floats()
    }
}

/// Reads every tensor of a Keras file and finds each its layer.
private func readAllKeras(_ checkpoint: any CheckpointReader) throws {
    try readAll(checkpoint)
    _ = try KerasVariableTable(checkpoint)
}

/// Reads every voxel, then writes the volume's header.
private func readAll(_ volume: Volume) throws {
    let count = volume.floats().count
    precondition(count == volume.voxels.shape.elementCount, "voxels unlike their announcement")
    _ = try? volume.labels()
    _ = volume.encodedHeader(.nifti2, isPair: false)
    _ = volume.encodedHeader(.nifti1, isPair: true)
}

/// What is written out must read back as the same value.
private func checkRoundTrip(_ json: JSON) throws {
    let again = try? JSON(json.text(), path: "again.json", section: "text")
    precondition(again == json, "JSON that does not survive being written")
}
