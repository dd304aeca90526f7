// A file without a name, gone when its owner is: room for what does not fit into memory.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An open file that was removed from its folder at once. Reads and writes at different places may run side by side.
final class ScratchFile: Sendable {
    private let descriptor: Int32

    /// Makes a file; nil when the folder takes none or has less than twice as many bytes free.
    init?(in folder: String, size: Int) {
        var facts = statvfs()
        guard statvfs(folder, &facts) == 0 else { return nil }
        let (free, overflows) = Int(clamping: facts.f_bavail).multipliedReportingOverflow(by: Int(facts.f_frsize))
        guard overflows || free / 2 >= size else { return nil }
        var name = Array("\(folder)/ripe-XXXXXX".utf8CString)
        let opened = name.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.map { mkstemp($0) } ?? -1 }
        guard opened >= 0 else { return nil }
        _ = fcntl(opened, F_SETFD, FD_CLOEXEC)
        unlink(name)
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// Writes all bytes at a place; false when the disk refuses.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// Fills the buffer from a place; false when it cannot be filled.
    func read(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = pread(
                descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}
