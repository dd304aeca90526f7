// Writing checkpoints as NumPy archives. NumPy has neither bfloat16 nor 8-bit floats: such values are stored as raw
// bytes (`V2`, `V1`), which `array.view(ml_dtypes.bfloat16)` reads, and the member's comment says what they are.

extension CheckpointDraft {
    /// Writes the archive; tied tensors are written as often as they are named.
    func writeNPZ(to path: String) throws(FormatError) -> WrittenCheckpoint {
        var writer = try ZipWriter(path)
        for tensor in tensors {
            guard let code = tensor.dtype.numpyCode ?? tensor.dtype.numpyRawCode else {
                throw tensor.unsupportedType(.npz, path: path)
            }
            let header = NumPyHeader(dtype: tensor.dtype, shape: tensor.shape).encoded(code: code)
            try writer.add(
                "\(tensor.name).npy", [Bytes(copying: header), tensor.values(path: path).bytes],
                comment: tensor.dtype.numpyCode == nil ? tensor.dtype.rawValue : "")
        }
        // The archive's comment holds the metadata, which NumPy passes over, as far as there is room.
        let comment = Array((metadataJSON?.compactText ?? "").utf8)
        let fits = comment.count <= ZipLayout.greatestComment
        var written = WrittenCheckpoint(paths: [path], byteCount: try writer.commit(comment: fits ? comment : []))
        if !fits { written.droppedMetadata = (metadata + kerasEntries).map(\.key) }
        return written
    }
}

extension DType {
    /// NumPy's code for raw bytes of the element's size, for whole-byte types that NumPy does not have.
    var numpyRawCode: String? { bitWidth % 8 == 0 ? "|V\(bitWidth / 8)" : nil }
}
