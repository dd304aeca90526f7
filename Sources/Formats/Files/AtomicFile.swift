// Writing files so that a reader sees the old content or the new, never half of it.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that appears under its name only once it is complete: written beside it, synced, renamed.
///
/// Dropping the value without ``commit()`` removes the temporary file.
public struct AtomicFile: ~Copyable {
    private let path: String
    private let temporaryPath: String
    private let descriptor: Int32
    /// Bytes written so far.
    public private(set) var byteCount = 0
    private var isOpen = true

    /// Creates the temporary file in the folder of `path`, or of the file that `path` links to.
    ///
    /// - Throws: ``FormatError`` with `.system`, also for a device, pipe or folder: renaming would take its place.
    public init(_ path: String) throws(FormatError) {
        let (target, refusal) = Self.replaceable(path)
        self.path = target
        var template = Array("\(target).tmp-XXXXXX".utf8CString)
        // A type with a deinit can only throw once all its parts are set.
        descriptor =
            refusal == nil ? template.withUnsafeMutableBufferPointer { $0.baseAddress.map { mkstemp($0) } ?? -1 } : -1
        temporaryPath = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard descriptor >= 0 else {
            isOpen = false
            throw FormatError(path, .system(action: "create", detail: refusal ?? systemMessage()))
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        fchmod(descriptor, 0o666 & ~currentUmask())
    }

    /// The path with links followed, and why what is there may not be replaced, if so.
    private static func replaceable(_ path: String) -> (path: String, refusal: String?) {
        var status = stat()
        guard stat(path, &status) == 0 else { return (path, nil) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: return (path, "it is a folder")
        default: return (path, "it is a device or pipe, not a file")
        }
        guard let resolved = realpath(path, nil) else { return (path, nil) }
        defer { free(resolved) }
        return (String(cString: resolved), nil)
    }

    /// Appends bytes.
    public mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = UnsafeRawBufferPointer(rebasing: rest).withMemoryRebound(to: UInt8.self) {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw FormatError(path, .system(action: "write", detail: systemMessage()))
            }
            rest = rest.dropFirst(count)
            byteCount += count
        }
    }

    /// Appends bytes.
    public mutating func write(_ bytes: [UInt8]) throws(FormatError) {
        let result: Result<Void, FormatError> = bytes.withUnsafeBytes { raw in
            do throws(FormatError) { return .success(try write(raw)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Appends lent bytes without a copy.
    public mutating func write(_ bytes: Bytes) throws(FormatError) {
        let result: Result<Void, FormatError> = bytes.withUnsafeBytes { raw in
            do throws(FormatError) { return .success(try write(raw)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Appends bytes that will not be needed again: what is mapped is let go piece by piece, so that writing a large
    /// tensor does not keep all of it in memory.
    mutating func write(streaming bytes: Bytes) throws(FormatError) {
        let step = 8 << 20
        var offset = 0
        while let piece = bytes.slice(offset, min(step, bytes.count - offset)), piece.count > 0 {
            try write(piece)
            piece.adviseDontNeed()
            offset += piece.count
        }
    }

    /// Overwrites bytes that were written before.
    mutating func overwrite(at offset: Int, with bytes: [UInt8]) throws(FormatError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                pwrite(descriptor, raw.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw FormatError(path, .system(action: "write", detail: systemMessage()))
            }
            done += count
        }
    }

    /// Appends text as UTF-8.
    public mutating func write(_ text: String) throws(FormatError) { try write(Array(text.utf8)) }

    /// Makes the file durable and gives it its name, replacing what was there.
    public consuming func commit() throws(FormatError) {
        guard fsync(descriptor) == 0 else { throw FormatError(path, .system(action: "sync", detail: systemMessage())) }
        guard rename(temporaryPath, path) == 0 else {
            throw FormatError(path, .system(action: "rename into place", detail: systemMessage()))
        }
        isOpen = false
        close(descriptor)
    }

    deinit {
        guard isOpen else { return }
        close(descriptor)
        unlink(temporaryPath)
    }

    /// Writes a whole small file at once.
    public static func write(_ text: String, to path: String) throws(FormatError) {
        var file = try AtomicFile(path)
        try file.write(text)
        try file.commit()
    }
}

/// Removes a file that is in the way of nobody any more; one that is not there is no mistake.
public func removeFile(_ path: String) { unlink(path) }

/// The process's file mode mask, which can only be read by setting it.
private func currentUmask() -> mode_t {
    let mask = umask(0)
    umask(mask)
    return mask
}
