// What the machine is, read from the kernel's own files.

import FoundationEssentials
import Glibc

/// Processor, memory and load, as this process may use them.
struct Machine {
    /// The processor's name, such as "Intel(R) Xeon(R) Gold 6330".
    let processor: String
    /// What the processor can do, as /proc/cpuinfo names it: `avx2`, `avx512f`, ….
    let features: Set<String>
    /// Cores of the machine.
    let cores: Int
    /// Cores that this process is granted: affinity and container quota.
    let usableCores: Int
    /// Bytes; nil where the kernel does not tell.
    let memory: Int?
    let availableMemory: Int?
    /// The most that a container lets this process have, in bytes; nil for no limit.
    let memoryLimit: Int?
    /// Processes that ran or waited to run, on average over the last minute.
    let load: Double?

    /// Looks.
    init() {
        let cpu = Self.text("/proc/cpuinfo") ?? ""
        processor = Self.value("model name", in: cpu) ?? "unknown processor"
        features = Set((Self.value("flags", in: cpu) ?? "").split(separator: " ").map { String($0) })
        cores = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        usableCores = Cores.available
        let info = Self.text("/proc/meminfo") ?? ""
        memory = Self.kilobytes("MemTotal", in: info)
        availableMemory = Self.kilobytes("MemAvailable", in: info)
        let limit = Self.text("/sys/fs/cgroup/memory.max").flatMap { Int($0.filter(\.isNumber)) }
        memoryLimit = limit.flatMap { [memory] limit in limit < (memory ?? .max) ? limit : nil }
        load = Self.text("/proc/loadavg").flatMap { $0.split(separator: " ").first.flatMap { Double($0) } }
    }

    private static func text(_ path: String) -> String? {
        (try? Data(contentsOf: URL(filePath: path))).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The value of the first line `name : value`.
    private static func value(_ name: String, in text: String) -> String? {
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            return String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        return nil
    }

    private static func kilobytes(_ name: String, in text: String) -> Int? {
        value(name, in: text).flatMap { Int($0.filter(\.isNumber)) }.map { $0 * 1024 }
    }
}
