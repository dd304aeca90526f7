// How the process treats freed memory, a choice for programs, never made by the library itself; and how much it held.

import CKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Memory settings and measurements of the whole process.
public enum ProcessMemory {
    /// Keeps freed blocks of any size for reuse instead of returning them to the system.
    ///
    /// Every batch hands out large feature maps. Without this each of them is mapped and zeroed by the kernel anew, which
    /// was measured to cost a tenth of a ResNet-50 forward pass. Peak memory is the same. Call it once at the start of a
    /// program; it does nothing where the C library is not glibc.
    public static func keepFreed() { CK_keep_freed_memory() }

    /// The most bytes of physical memory that the process has held so far.
    ///
    /// Read from Linux' `VmHWM`, which begins with the program; `getrusage`, the way elsewhere, begins with whatever the
    /// parent process held.
    public static var peakByteCount: Int {
        if let kilobytes = statusKilobytes("VmHWM:") { return kilobytes * 1024 }
        var usage = rusage()
        #if canImport(Darwin)
            getrusage(RUSAGE_SELF, &usage)
            return usage.ru_maxrss
        #else
            getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
            return usage.ru_maxrss * 1024
        #endif
    }

    /// Bytes that the machine can give to this process without swapping: what Linux calls available, or what is left of a
    /// container's limit where that is less; nil where neither is known.
    public static var availableByteCount: Int? {
        let machine = kilobytes("MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 }
        let limits = [
            ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
        ]
        let container = limits.compactMap { limit, use in
            number(in: limit).flatMap { limit in number(in: use).map { max(0, limit - $0) } }
        }
        return ([machine].compactMap(\.self) + container).min()
    }

    private static func number(in path: String) -> Int? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 64)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        let text = String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return Int(text)
    }

    private static func statusKilobytes(_ field: String) -> Int? { kilobytes(field, in: "/proc/self/status") }

    private static func kilobytes(_ field: String, in path: String) -> Int? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix(field) else { continue }
            return text.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
        }
        return nil
    }
}

/// Time that the whole process has used.
public enum ProcessTime {
    /// Processor seconds of all threads together.
    public static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
