// One tensor of a pickle: which storage it looks into and how.

/// A tensor that a pickle describes.
struct PyTorchTensor: Sendable, Hashable {
    /// The storage's key, such as "17".
    var storage: String
    var storageKind: PyTorchStorageKind
    /// The storage's size as the pickle counts it: elements, or bytes when untyped.
    var storageCount: Int
    var dtype: DType
    var layout: StridedLayout
    /// Whether the values are the conjugates or the negatives of what is stored.
    var isConjugate = false
    var isNegative = false

    /// The size of the whole storage in bytes; nil when it overflows.
    var storageByteCount: Int? {
        guard storageCount >= 0, let size = storageKind.elementByteCount else { return nil }
        let (count, overflow) = storageCount.multipliedReportingOverflow(by: size)
        return overflow ? nil : count
    }

    var elementByteCount: Int { dtype.bitWidth / 8 }

    /// Checks the layout against the storage.
    func check() throws(StridedLayout.Fault) {
        guard let byteCount = storageByteCount else {
            throw StridedLayout.Fault(expected: "a storage size that fits 64 bits", found: "\(storageCount) elements")
        }
        try layout.check(capacity: byteCount / elementByteCount, bitWidth: dtype.bitWidth)
    }

    /// Bytes of the storage that the tensor looks at; the layout was checked.
    var extent: Range<Int> {
        layout.extent.lowerBound * elementByteCount..<layout.extent.upperBound * elementByteCount
    }

    /// What a user should know about the tensor.
    func info(name: String) -> TensorInfo {
        TensorInfo(
            name: name, dtype: dtype, shape: Shape(layout.sizes),
            storage: .init(
                key: storage, byteOffset: extent.lowerBound, byteCount: storageByteCount ?? 0),
            strides: layout.isContiguous ? nil : layout.strides)
    }

    /// The values: a slice of the storage when they lie in order, else gathered, swapped and negated as needed.
    func view(in storage: Bytes, isBigEndian: Bool) -> TensorView? {
        let byteCount = layout.elementCount * elementByteCount
        var values: Bytes
        if layout.isContiguous {
            guard let slice = storage.slice(extent.lowerBound, byteCount) else { return nil }
            values = slice
        } else {
            values = layout.gathered(from: storage, elementByteCount: elementByteCount)
        }
        let isComplex = [.complex32, .complex64, .complex128].contains(dtype)
        let width = isComplex ? elementByteCount / 2 : elementByteCount
        if isBigEndian { values = values.byteSwapped(width: width) }
        if isNegative { values = values.signFlipped(width: width, isImaginaryOnly: false) }
        if isConjugate, isComplex { values = values.signFlipped(width: width, isImaginaryOnly: true) }
        return TensorView(dtype: dtype, shape: Shape(layout.sizes), bytes: values)
    }
}
