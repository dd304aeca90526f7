// Opening files for reading by memory map.

import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension Bytes {
    /// Maps a regular file read-only.
    ///
    /// - Throws: ``FormatError`` with `.system` when it is missing, unreadable or not a regular file.
    public init(mapping path: String) throws(FormatError) {
        // Without O_NONBLOCK a pipe would wait here for a writer that never comes.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FormatError(path, .system(action: "open", detail: systemMessage())) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw FormatError(path, .system(action: "read its size", detail: systemMessage()))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let kind = status.st_mode & S_IFMT == S_IFDIR ? "it is a folder" : "it is not a regular file"
            throw FormatError(path, .system(action: "read", detail: kind))
        }
        let size = Int(status.st_size)
        guard size > 0 else {
            self.init(owner: ByteOwner(UnsafeRawBufferPointer(start: nil, count: 0), kind: .mapped), start: 0, count: 0)
            return
        }
        guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw FormatError(path, .system(action: "map", detail: systemMessage()))
        }
        let memory = UnsafeRawBufferPointer(start: base, count: size)
        self.init(owner: ByteOwner(memory, kind: .mapped), start: 0, count: size)
    }

    /// Asks the kernel to read these mapped bytes ahead of their use.
    public func adviseWillNeed() {
        guard let base = owner.memory.baseAddress else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = (Int(bitPattern: base) + start) / page * page
        let last = Int(bitPattern: base) + start + count
        _ = madvise(UnsafeMutableRawPointer(bitPattern: first), last - first, MADV_WILLNEED)
    }
}

extension Bytes {
    /// Lets go of the memory that whole pages of these mapped bytes take; they are read from the file again if needed.
    func adviseDontNeed() {
        guard owner.isMapped, let base = owner.memory.baseAddress else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = (Int(bitPattern: base) + start + page - 1) / page * page
        let last = (Int(bitPattern: base) + start + count) / page * page
        guard first < last else { return }
        _ = madvise(UnsafeMutableRawPointer(bitPattern: first), last - first, MADV_DONTNEED)
    }
}

/// Maps fresh memory, in huge pages where the system has them; nil when there is not enough.
func mapMemory(_ byteCount: Int) -> UnsafeRawBufferPointer? {
    let protection = PROT_READ | PROT_WRITE
    guard let base = mmap(nil, byteCount, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED else {
        return nil
    }
    preferHugePages(UnsafeMutableRawBufferPointer(start: base, count: byteCount))
    return UnsafeRawBufferPointer(start: base, count: byteCount)
}

/// Asks for huge pages where memory has room for them: a fifth of the time that its first use costs otherwise.
func preferHugePages(_ memory: UnsafeMutableRawBufferPointer) {
    #if os(Linux)
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        guard let base = memory.baseAddress, memory.count >= 4 << 20 else { return }
        let first = (Int(bitPattern: base) + page - 1) / page * page
        let last = (Int(bitPattern: base) + memory.count) / page * page
        _ = madvise(UnsafeMutableRawPointer(bitPattern: first), last - first, MADV_HUGEPAGE)
    #endif
}

/// Has the system provide pages of mapped memory in the background, ahead of the thread that will write them: zeroing
/// them is a twentieth of the time it takes to inflate a volume, and a fifth for one of a megabyte.
struct Prefaulting: ~Copyable {
    private let work = DispatchGroup()

    /// - Parameter output: mapped memory that will be written from its start on.
    init(_ output: UnsafeMutableRawBufferPointer) {
        #if os(Linux)
            guard let base = output.baseAddress, output.count >= 1 << 20 else { return }
            let (start, count) = (Int(bitPattern: base), output.count)
            DispatchQueue.global(qos: .userInitiated).async(group: work) {
                for offset in stride(from: 0, to: count, by: 4 << 20) {
                    let piece = UnsafeMutableRawPointer(bitPattern: start + offset)
                    // Kernels before 5.14 refuse; then the pages come one by one as they are written.
                    guard madvise(piece, min(4 << 20, count - offset), MADV_POPULATE_WRITE) == 0 else { return }
                }
            }
        #endif
    }

    /// Waits: the memory must not be given back meanwhile.
    deinit { work.wait() }
}

/// Undoes the map of a ``ByteOwner``.
func unmap(_ memory: UnsafeRawBufferPointer) {
    guard let base = memory.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: base), memory.count)
}

/// The operating system's words for the last failed call.
func systemMessage(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
