// Waits until something happens in folders: by inotify where it works, else by time alone.

import Formats
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Tells of changes in folders.
///
/// inotify sees only what this machine does, so folders on network file systems are looked at every few seconds instead. It
/// is a hint in any case: whoever waits looks for itself, and again after a while even if nothing was told.
public final class FolderEvents {
    /// Whether changes are told of at once, rather than found by looking now and then.
    public var isImmediate: Bool { descriptor >= 0 && !watched.isEmpty && !hasRemote }

    private var descriptor: Int32 = -1
    private var watched: [Int32: String] = [:]
    private var paths: Set<String> = []
    private var hasRemote = false

    /// Begins without folders.
    public init() {
        #if os(Linux)
            descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        #endif
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Adds folders; those that are watched already, or do not exist, change nothing.
    public func add(_ folders: some Sequence<String>) {
        for folder in folders where !paths.contains(folder) {
            guard let isRemote = Self.isRemote(folder) else { continue }
            if isRemote {
                hasRemote = true
                paths.insert(folder)
                continue
            }
            #if os(Linux)
                guard descriptor >= 0 else { continue }
                let mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF
                let number = inotify_add_watch(descriptor, folder, UInt32(mask))
                guard number >= 0 else { continue }
                watched[number] = folder
                paths.insert(folder)
            #endif
        }
    }

    /// Waits for a change or the time to pass, whichever comes first; a signal ends the wait, too.
    ///
    /// - Returns: the paths that were renamed into the folders meanwhile.
    public func wait(upTo time: Duration) -> Set<String> {
        let milliseconds = Int32(max(1, min(60_000, time.inSeconds * 1000)))
        guard descriptor >= 0 else {
            poll(nil, 0, milliseconds)
            return []
        }
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&request, 1, milliseconds) > 0 else { return [] }
        return drained()
    }

    /// Reads all events that are there.
    private func drained() -> Set<String> {
        var renamed: Set<String> = []
        #if os(Linux)
            let header = MemoryLayout<inotify_event>.size
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                guard count > 0 else { break }
                var offset = 0
                while offset + header <= count {
                    let event = buffer.withUnsafeBytes {
                        $0.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                    }
                    let name = buffer[(offset + header)...].prefix(Int(event.len)).prefix { $0 != 0 }
                    offset += header + Int(event.len)
                    guard let folder = watched[event.wd] else { continue }
                    if event.mask & UInt32(IN_IGNORED) != 0 {
                        watched[event.wd] = nil
                        paths.remove(folder)
                    } else if event.mask & UInt32(IN_MOVED_TO) != 0 {
                        let slash = folder.hasSuffix("/") ? "" : "/"
                        renamed.insert(folder + slash + String(decoding: name, as: UTF8.self))
                    }
                }
            }
        #endif
        return renamed
    }

    /// Whether a folder lies on a file system that other machines write to; nil when there is no such folder.
    static func isRemote(_ folder: String) -> Bool? {
        var facts = stat()
        guard stat(folder, &facts) == 0 else { return nil }
        guard let mounts = try? Data(contentsOf: URL(filePath: "/proc/self/mountinfo")) else { return false }
        return isRemote(
            device: deviceName(UInt64(truncatingIfNeeded: facts.st_dev)),
            mounts: String(decoding: mounts, as: UTF8.self))
    }

    /// As the kernel writes a device number, `major:minor` (gnu_dev_major(3)).
    private static func deviceName(_ number: UInt64) -> String {
        let major = (number >> 8) & 0xFFF | (number >> 32) & 0xFFFF_F000
        let minor = number & 0xFF | (number >> 12) & 0xFFFF_FF00
        return "\(major):\(minor)"
    }

    /// Whether a device is mounted from elsewhere, by the lines of /proc/self/mountinfo (proc(5)):
    /// `36 35 98:0 /root /mount options … - type source options`.
    static func isRemote(device: String, mounts: String) -> Bool {
        let kinds = ["nfs", "cifs", "smb", "fuse", "ceph", "9p", "afs", "lustre", "gpfs", "beegfs", "ocfs2", "gfs2"]
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 2, fields[2] == device, let dash = fields.firstIndex(of: "-"),
                let type = fields.dropFirst(dash + 1).first
            else { continue }
            return kinds.contains { type.hasPrefix($0) }
        }
        return false
    }
}
