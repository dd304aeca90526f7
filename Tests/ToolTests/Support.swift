// Runs the built `ripe` as a user would, and what tests of it need.

import Formats
import FoundationEssentials
import Glibc
import Synchronization
import Testing

/// Collects what a closure is told.
final class Recorder: Sendable {
    private let content = Mutex("")
    var text: String { content.withLock { $0 } }
    @Sendable func record(_ text: String) { content.withLock { $0 += text } }
}

/// A folder that goes away with the value.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/ripe-test-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        try #require(made)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and returns its path.
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(filePath: file))
        return file
    }

    /// Every path below the folder, sorted.
    var contents: [String] { ((try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []).sorted() }
}

/// What a finished run of `ripe` left.
struct Finished {
    /// The exit code, or 128 + the signal that ended it.
    let code: Int32
    let output: String
    let errors: String
}

/// A running `ripe`.
struct Running {
    private let process: pid_t
    private let folder: TemporaryFolder

    /// Starts `ripe` with the arguments; its environment has no colours, no terminal and only what is given.
    ///
    /// - Parameter wrapper: a shell command line in which `"$@"` runs ripe, such as `ulimit -f 1; "$@"`.
    init(_ arguments: [String], in directory: String? = nil, wrapper: String = "exec \"$@\"") throws {
        folder = try TemporaryFolder()
        let changed = directory.map { "cd '\($0)' && " } ?? ""
        let script = "\(changed){ \(wrapper); } >'\(folder.path)/out' 2>'\(folder.path)/err' </dev/null"
        let words = ["/bin/sh", "-c", script, "sh", try Self.tool()] + arguments
        let environment = ["PATH=/usr/bin:/bin", "SWIFT_BACKTRACE=enable=no", "LC_ALL=C.UTF-8", "HOME=/nonexistent"]
        var pid: pid_t = 0
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { (pointers + variables).forEach { free($0) } }
        // Threads of the test runner may block signals, which a child would inherit.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let status = posix_spawn(&pid, "/bin/sh", nil, &attributes, &pointers, &variables)
        try #require(status == 0)
        process = pid
    }

    /// Waits until the program heeds Ctrl-C, which on a busy machine takes a while: until then the signal just ends it.
    ///
    /// The shell that starts it catches Ctrl-C too, and loses its handler when it becomes ripe; so what runs is asked
    /// first.
    func waitForInterruptHandler() {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
            guard program?.hasSuffix("/ripe") == true else {
                usleep(5000)
                continue
            }
            let status = (try? Data(contentsOf: URL(filePath: "/proc/\(process)/status"))) ?? Data()
            let lines = String(decoding: status, as: UTF8.self).split(separator: "\n")
            let caught = lines.first { $0.hasPrefix("SigCgt:") }?.split(separator: "\t").last
            if let mask = caught.flatMap({ UInt64($0, radix: 16) }), mask & (1 << UInt64(SIGINT - 1)) != 0 { return }
            usleep(5000)
        }
    }

    /// Sends a signal.
    func signal(_ number: Int32) { kill(process, number) }

    /// Waits for the end; a process that takes longer than `seconds` is killed and fails the test.
    func finish(within seconds: Double = 120) throws -> Finished {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var status: Int32 = 0
        while waitpid(process, &status, WNOHANG) == 0 {
            if ContinuousClock.now > deadline {
                kill(process, SIGKILL)
                waitpid(process, &status, 0)
                Issue.record("ripe did not end within \(seconds) s")
                break
            }
            usleep(2000)
        }
        let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
        return Finished(code: code, output: try text("out"), errors: try text("err"))
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)")), as: UTF8.self)
    }

    /// The built tool, which lies beside the test bundle.
    private static func tool() throws -> String {
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/ripe"
    }
}

/// Runs `ripe` to its end.
func ripe(_ arguments: String..., in directory: String? = nil, wrapper: String = "exec \"$@\"") throws -> Finished {
    try Running(arguments, in: directory, wrapper: wrapper).finish()
}

/// A checkpoint's float32 tensors as safetensors, after `change` saw each by name.
func safetensorsBytes(
    of reader: any CheckpointReader, change: (_ name: String, _ values: inout [Float]) -> Void
) throws -> [UInt8] {
    var entries: [String] = []
    var data: [UInt8] = []
    for info in reader.tensors where info.dtype == .float32 {
        var values = try reader.tensor(info.name).floats() ?? []
        change(info.name, &values)
        let bytes = values.withUnsafeBytes { Array($0) }
        entries.append(
            "\"\(info.name)\":{\"dtype\":\"F32\",\"shape\":\(info.shape.axes),"
                + "\"data_offsets\":[\(data.count),\(data.count + bytes.count)]}")
        data += bytes
    }
    let header = Array("{\(entries.joined(separator: ","))}".utf8)
    return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + data
}
