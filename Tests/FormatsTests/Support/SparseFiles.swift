// Files of several gigabytes that take a few kilobytes of disk: holes with something at their ends.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file of holes.
struct SparseFile {
    /// What is not a hole.
    private(set) var pieces: [(offset: Int, bytes: [UInt8])] = []
    /// Where the next piece goes.
    private(set) var count = 0

    /// Appends bytes and a hole behind them, `count` bytes together.
    mutating func append(_ bytes: [UInt8], count: Int? = nil) {
        pieces.append((self.count, bytes))
        self.count += count ?? bytes.count
    }

    /// Writes the file; false where the file system fills holes, in which case nothing is left behind.
    func write(to path: String) -> Bool {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // A small hole tells whether a large one would be filled.
        var status = stat()
        guard ftruncate(descriptor, 16 << 20) == 0, fstat(descriptor, &status) == 0, status.st_blocks < 1024,
            ftruncate(descriptor, off_t(count)) == 0
        else {
            unlink(path)
            return false
        }
        for piece in pieces where pwrite(descriptor, piece.bytes, piece.bytes.count, off_t(piece.offset)) < 0 {
            unlink(path)
            return false
        }
        return true
    }
}

/// Whether the temporary folder keeps holes and takes files above 4 GiB.
func keepsHoles(_ folder: String) -> Bool {
    let path = "\(folder)/ripe-holes-\(getpid())"
    var file = SparseFile()
    file.append([1], count: 5 << 30)
    defer { unlink(path) }
    return file.write(to: path)
}
