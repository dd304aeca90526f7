// Options that say how the networks are run; none of them changes what comes out.

import ArgumentParser
import FoundationEssentials
import Glibc

/// `--threads`.
struct ThreadOptions: ParsableArguments {
    @Option(
        help: "Threads to use; the results do not depend on it. (default: all cores; half of them for 'ripe watch')")
    var threads: Int?

    /// Half of the cores, at least one, unless something else was asked for.
    var modestCount: Int { threads ?? max(1, Cores.available / 2) }

    /// The number of threads, at least one.
    var count: Int { threads ?? Cores.available }

    func validate() throws {
        guard threads.map({ (1...1024).contains($0) }) ?? true else {
            throw ValidationError("--threads must be from 1 to 1024")
        }
    }
}

/// The processor cores this process may use.
enum Cores {
    /// The cores that the scheduler grants: the affinity mask, and a container's quota where there is one.
    static var available: Int {
        let allowed = text("/proc/self/status").flatMap(allowedCount) ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let quota = text("/sys/fs/cgroup/cpu.max").flatMap(quotaCount) ?? allowed
        return max(1, min(allowed, quota))
    }

    /// The cores of the line `Cpus_allowed: ff,ffffffff` of /proc/self/status.
    static func allowedCount(status: String) -> Int? {
        for line in status.split(separator: "\n") where line.hasPrefix("Cpus_allowed:") {
            return line.dropFirst(13).reduce(0) { $0 + (($1.hexDigitValue)?.nonzeroBitCount ?? 0) }
        }
        return nil
    }

    /// The cores of a cgroup quota `200000 100000` (microseconds in a period), rounded up; nil for `max`.
    static func quotaCount(quota: String) -> Int? {
        let numbers = quota.split { $0 == " " || $0 == "\n" }.compactMap { Double($0) }
        guard numbers.count == 2, numbers[0] > 0, numbers[1] > 0 else { return nil }
        return Int((numbers[0] / numbers[1]).rounded(.up))
    }

    private static func text(_ path: String) -> String? {
        (try? Data(contentsOf: URL(filePath: path))).map { String(decoding: $0, as: UTF8.self) }
    }
}
