// What `ripe watch` does when the rule says stop: a STOP file and the user's command.

import Analyzer
import Formats
import FoundationEssentials
import Glibc

/// Tells pretraining to stop.
struct StopAction {
    private let command: String?
    private let file: String
    private let out: String?

    init(_ options: StoppingOptions, places: [String], out: String?) {
        command = options.onStop
        let folder = places.first { Self.isFolder($0) } ?? "."
        file = options.stopFile ?? (folder.hasSuffix("/") ? folder + "STOP" : folder + "/STOP")
        self.out = out
    }

    /// Writes the file and runs the command; what fails is told and does not keep the other from being done.
    func take(_ pick: Candidate, sentence: String, reason: String, _ screen: WatchScreen) throws {
        screen.stop(reason: reason, pick: pick)
        do throws(FormatError) {
            var stop = try AtomicFile(file)
            try stop.write(content(pick, sentence: sentence, reason: reason).text() + "\n")
            try stop.commit()
            screen.note("Written: \(file)")
        } catch {
            screen.note("the STOP file could not be written: \(error)")
        }
        guard let command else { return }
        let code = try run(command, pick, reason: reason)
        screen.note(code == 0 ? "Done: \(command)" : "the command of --on-stop ended with code \(code): \(command)")
    }

    private func content(_ pick: Candidate, sentence: String, reason: String) -> JSON {
        .object([
            "schema": .string("ripe.stop/1"),
            "reason": .string(reason),
            "pick": .string(pick.path),
            "epoch": pick.epoch.map(JSON.integer) ?? .null,
            "recommendation": .string(sentence),
        ])
    }

    /// Runs the command by the shell and returns its exit code, 128 + the signal that ended it.
    private func run(_ command: String, _ pick: Candidate, reason: String) throws -> Int32 {
        let added = [
            "RIPE_PICK": pick.path, "RIPE_PICK_EPOCH": pick.epoch.map { "\($0)" } ?? "", "RIPE_REASON": reason,
            "RIPE_STOP_FILE": file, "RIPE_OUT": out ?? "",
        ]
        var variables = ProcessInfo.processInfo.environment
        // Ripe's own setting for its threads is none of the command's business.
        variables["GOMP_SPINCOUNT"] = nil
        variables.merge(added) { $1 }
        var words: [UnsafeMutablePointer<CChar>?] =
            ["/bin/sh", "-c", command].map { (word: String) in strdup(word) } + [nil]
        var pairs: [UnsafeMutablePointer<CChar>?] =
            variables.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (words + pairs).forEach { free($0) } }
        var process: pid_t = 0
        let failure = posix_spawn(&process, "/bin/sh", nil, nil, &words, &pairs)
        guard failure == 0 else {
            throw ToolError.failure("--on-stop: cannot run the shell: \(String(cString: strerror(failure)))")
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }

    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }
}
