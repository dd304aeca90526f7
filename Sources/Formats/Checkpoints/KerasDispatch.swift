// Where Keras files are handed over: the readers of HDF5 weights, `.keras` archives and Keras shards plug in here.

/// Opens Keras weights or a whole Keras model in HDF5.
func openKerasHDF5(path: String, bytes: Bytes) throws(FormatError) -> any CheckpointReader {
    throw FormatError(path, .unsupported(feature: "HDF5", advice: "convert it to safetensors"))
}

/// Opens a `.keras` archive.
func openKerasArchive(path: String, archive: ZipArchive) throws(FormatError) -> any CheckpointReader {
    throw FormatError(path, .unsupported(feature: "a Keras archive", advice: "convert it to safetensors"))
}

/// Opens the `.weights.json` index of sharded Keras weights.
func openKerasSharded(path: String) throws(FormatError) -> any CheckpointReader {
    throw FormatError(path, .unsupported(feature: "a sharded Keras checkpoint", advice: "convert it to safetensors"))
}
