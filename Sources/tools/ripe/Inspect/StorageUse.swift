// How a checkpoint's tensors share the file's storages.

import Formats

/// What a list of tensors takes in its file, shared memory counted once.
struct StorageUse {
    /// Bytes of all tensors' values, each packed for itself.
    private(set) var tensorBytes = 0
    /// Bytes that more than one tensor looks at, beyond their first use.
    private(set) var sharedBytes = 0
    /// The names of the tensors that look into a storage which others use too.
    private(set) var sharingNames: Set<String> = []

    /// Adds up the tensors.
    init(_ tensors: [TensorInfo]) {
        var byStorage: [String: [TensorInfo]] = [:]
        for tensor in tensors {
            tensorBytes &+= tensor.byteCount
            byStorage[tensor.storage.key, default: []].append(tensor)
        }
        for sharers in byStorage.values where sharers.count > 1 {
            let spans = sharers.map { ($0.name, $0.span) }.sorted { ($0.1.lowerBound, $0.0) < ($1.1.lowerBound, $1.0) }
            var covered = 0
            var end = Int.min
            var last: String?
            for (name, span) in spans where !span.isEmpty {
                if span.lowerBound < end {
                    sharingNames.insert(name)
                    if let last { sharingNames.insert(last) }
                }
                covered += max(0, span.upperBound - max(span.lowerBound, end))
                if span.upperBound > end { (end, last) = (span.upperBound, name) }
            }
            sharedBytes += max(0, spans.reduce(0) { $0 + $1.1.count } - covered)
        }
    }
}

extension TensorInfo {
    /// The bytes of the storage between its first and its last element; empty for a tensor without elements.
    var span: Range<Int> {
        let itemBits = dtype.bitWidth
        guard !shape.axes.contains(0) else { return storage.byteOffset..<storage.byteOffset }
        let reach = zip(shape.axes, strides ?? shape.rowMajorStrides).reduce(0) { $0 &+ ($1.0 &- 1) &* $1.1 }
        let bytes = max(0, (reach &+ 1) &* itemBits / 8)
        let (end, overflow) = storage.byteOffset.addingReportingOverflow(bytes)
        return storage.byteOffset..<max(storage.byteOffset, overflow ? storage.byteOffset : end)
    }

    /// How the elements lie in the storage: contiguous, channels last, or the strides themselves.
    var layout: String {
        guard let strides else { return "contiguous" }
        if shape.rank == 4 {
            let channels = shape[1]
            if strides == [channels * shape[2] * shape[3], 1, channels * shape[3], channels] { return "channels last" }
        }
        return "strides " + strides.map { String($0) }.joined(separator: ",")
    }
}
