// What tells that a file is no longer the one that was looked at before.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The identity, size and time of change of a checkpoint's files. Two equal signatures mean the same content, unless somebody writes
/// into a file and sets its times back; clocks are only compared for equality, so that a jump does no harm.
public struct FileSignature: Sendable, Hashable {
    private struct Facts: Hashable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        var modified: [Int]
    }

    private let facts: [Facts]

    /// The bytes in all the files.
    public var size: Int { facts.reduce(0) { $0 + Int($1.size) } }

    /// Looks at the files; nil when one of them is not there.
    public init?(of paths: [String]) {
        var facts: [Facts] = []
        for path in paths {
            var found = stat()
            guard stat(path, &found) == 0 else { return nil }
            #if canImport(Glibc)
                let time = found.st_mtim
            #else
                let time = found.st_mtimespec
            #endif
            facts.append(
                Facts(
                    device: UInt64(truncatingIfNeeded: found.st_dev), inode: UInt64(truncatingIfNeeded: found.st_ino),
                    size: Int64(found.st_size), modified: [Int(time.tv_sec), Int(time.tv_nsec)]))
        }
        self.facts = facts
    }
}
