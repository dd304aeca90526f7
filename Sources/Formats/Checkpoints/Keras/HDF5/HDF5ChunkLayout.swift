// How a data set is cut into chunks, and the decoding of one chunk: deflate, shuffle and Fletcher-32, the filters that
// h5py offers without plugins. libhdf5 finds the chunks; it does not decode them, because its pipeline copies a whole
// chunk out of a shorter buffer when a damaged chunk inflates to less than it should.

import CHDF5

/// Chunk sizes and filters of a data set.
struct HDF5ChunkLayout: Sendable {
    /// Elements of a chunk along each axis.
    let axes: [Int]
    /// The filters in the order of writing.
    let filters: [Filter]
    /// Bytes of all chunks in the file, as the file claims.
    let storedByteCount: Int
    /// The value of elements in chunks that were never written.
    let fill: [UInt8]
    /// Whether chunks that stick out of the data set are stored unfiltered.
    let leavesEdgesUnfiltered: Bool

    /// One step of the pipeline.
    struct Filter: Sendable, Hashable {
        /// The registered number: 1 deflate, 2 shuffle, 3 Fletcher-32.
        let kind: Int
        /// The name that the file or libhdf5 gives it.
        let name: String
        /// The step's settings; shuffle has the size of an element.
        let settings: [UInt32]
    }

    /// Asks libhdf5 about a data set's creation properties.
    init(
        _ properties: borrowing HDF5Handle, type: borrowing HDF5Handle, storedByteCount: Int, _ path: String,
        _ name: String
    ) throws(FormatError) {
        var axes = [hsize_t](repeating: 0, count: 33)
        let rank = H5Pget_chunk(properties.id, 33, &axes)
        try checkHDF5(path, "H5Pget_chunk('\(name)')", rank)
        self.axes = axes.prefix(Int(rank)).map { Int(clamping: $0) }
        let count = H5Pget_nfilters(properties.id)
        try checkHDF5(path, "H5Pget_nfilters('\(name)')", count)
        var filters: [Filter] = []
        for index in 0..<UInt32(max(0, count)) { filters.append(try Self.filter(properties, index, path, name)) }
        self.filters = filters
        self.storedByteCount = storedByteCount
        fill = try hdf5FillValue(properties, type: type, path: path, name: name)
        var options: UInt32 = 0
        try checkHDF5(path, "H5Pget_chunk_opts('\(name)')", H5Pget_chunk_opts(properties.id, &options))
        leavesEdgesUnfiltered = options & 2 != 0  // H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS
    }

    private static func filter(
        _ properties: borrowing HDF5Handle, _ index: UInt32, _ path: String, _ name: String
    ) throws(FormatError) -> Filter {
        var flags: UInt32 = 0
        var settings = [UInt32](repeating: 0, count: 32)
        var settingCount = settings.count
        var label = [CChar](repeating: 0, count: 64)
        let kind = H5Pget_filter2(
            properties.id, index, &flags, &settingCount, &settings, label.count - 1, &label, nil)
        try checkHDF5(path, "H5Pget_filter2('\(name)')", kind)
        let text = label.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return Filter(
            kind: Int(kind), name: String(decoding: text, as: UTF8.self),
            settings: Array(settings.prefix(settingCount)))
    }

    /// Bytes of one decoded chunk.
    func chunkByteCount(elementSize: Int) -> Int { Shape(axes + [elementSize]).checkedElementCount ?? Int.max }

    /// Undoes the filters of one chunk.
    ///
    /// - Parameters:
    ///   - mask: bit i set means that filter i was not applied.
    ///   - size: the exact size of the result in bytes.
    /// - Throws: ``FormatError`` with `.unsupported` naming a filter that is none of the three, `.invalid` for damaged
    ///   data, `.limitExceeded` for a claim that the input cannot yield.
    func decode(
        _ stored: Bytes, mask: UInt32, size: Int, path: String, section: String
    ) throws(FormatError) -> Bytes {
        var bytes = stored
        for (index, filter) in filters.enumerated().reversed() where mask >> min(index, 31) & 1 == 0 {
            switch filter.kind {
            case 1: bytes = try Inflate.zlib(bytes, size: sizeBefore(index, mask, size), path: path, section: section)
            case 2: bytes = unshuffled(bytes, elementSize: Int(filter.settings.first ?? 1))
            case 3: bytes = try checkedFletcher32(bytes, path: path, section: section)
            default:
                let name = filter.name.isEmpty ? "number \(filter.kind)" : "'\(filter.name)'"
                throw FormatError(
                    path,
                    .unsupported(
                        feature: "\(section): the HDF5 filter \(name)", advice: "save it with gzip or uncompressed"))
            }
        }
        guard bytes.count == size else {
            throw FormatError(
                path, .invalid(section: section, expected: "\(size) bytes when decoded", found: "\(bytes.count)"))
        }
        return bytes
    }

    /// The size that filter `index` was given: checksums that came before it had added 4 bytes each.
    private func sizeBefore(_ index: Int, _ mask: UInt32, _ size: Int) -> Int {
        let checksums = filters[..<index].indices.count { filters[$0].kind == 3 && mask >> min($0, 31) & 1 == 0 }
        return size + 4 * checksums
    }
}

/// Undoes HDF5's shuffle, which puts the first bytes of all elements first, then their second bytes, and so on; bytes
/// beyond the last whole element stay.
func unshuffled(_ bytes: Bytes, elementSize: Int) -> Bytes {
    guard elementSize > 1, bytes.count >= 2 * elementSize else { return bytes }
    let count = bytes.count / elementSize
    return Bytes(byteCount: bytes.count) { output in
        bytes.withUnsafeBytes { input in
            for byte in 0..<elementSize {
                for element in 0..<count { output[element * elementSize + byte] = input[byte * count + element] }
            }
            for index in count * elementSize..<bytes.count { output[index] = input[index] }
        }
    }
}

/// Checks and removes the Fletcher-32 checksum at the end of a chunk (HDF5's `H5_checksum_fletcher32`: big-endian
/// 16-bit words, sums modulo 65535, stored little-endian).
func checkedFletcher32(_ bytes: Bytes, path: String, section: String) throws(FormatError) -> Bytes {
    guard let data = bytes.slice(0, bytes.count - 4),
        let expected = bytes.littleEndian(at: bytes.count - 4, as: UInt32.self)
    else {
        throw FormatError(path, .invalid(section: section, expected: "a checksum", found: "\(bytes.count) bytes"))
    }
    let found = fletcher32(data)
    guard found == expected else {
        throw FormatError(
            path,
            .invalid(
                section: section, expected: "Fletcher-32 checksum \(expected)", found: "\(found): the data is damaged"))
    }
    return data
}

/// HDF5's Fletcher-32.
func fletcher32(_ bytes: Bytes) -> UInt32 {
    // The library folds carries instead of dividing, so a sum that is a multiple of 65535 becomes 65535, not 0.
    func fold(_ sum: UInt64) -> UInt64 { sum == 0 ? 0 : (sum - 1) % 65535 + 1 }
    return bytes.withUnsafeBytes { raw in
        var (low, high): (UInt64, UInt64) = (0, 0)
        for index in stride(from: 0, to: raw.count, by: 2) {
            low += UInt64(raw[index]) << 8 | (index + 1 < raw.count ? UInt64(raw[index + 1]) : 0)
            high += low
            if index & 0xFFE == 0xFFE { (low, high) = (fold(low), fold(high)) }
        }
        return UInt32(fold(high) << 16 | fold(low))
    }
}
