// Notices a second watch on the same places.

import Analyzer
import Formats
import FoundationEssentials
import Glibc

/// A lock file beside the score cache, held for as long as this process lives: the kernel lets go of it however that ends.
final class WatchLock {
    /// The process that had it before; nil when this one has it, or nothing can be told.
    private(set) var holder: Int?
    private var descriptor: Int32 = -1

    init(_ places: [String], beside cache: ScoreCache?) {
        guard let folder = cache?.folder else { return }
        let real = places.map { place in
            guard let path = realpath(place, nil) else { return place }
            defer { free(path) }
            return String(cString: path)
        }
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let name = ContentHash(real.joined(separator: "\n")).hexadecimal
        descriptor = open("\(folder)/watch-\(name).lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
            let text = Array("\(getpid())\n".utf8)
            if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
        } else if errno == EWOULDBLOCK {
            var text = [UInt8](repeating: 0, count: 32)
            let count = pread(descriptor, &text, text.count, 0)
            let digits = String(
                decoding: text.prefix(max(0, count)).prefix { (0x30...0x39).contains($0) }, as: UTF8.self)
            holder = Int(digits) ?? 0
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
