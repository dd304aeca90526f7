// Ctrl-C ends a run cleanly; a file that shrinks while it is mapped ends it with words instead of a crash.

import Glibc
import Synchronization

/// Notices Ctrl-C and polite termination, so that work can stop between two steps and leave nothing half written.
///
/// The one process-wide variable of the tool: a signal handler can reach nothing else.
enum Interrupt {
    private static let wasRequested = Atomic<Bool>(false)

    /// Whether the user asked to stop.
    static var isRequested: Bool { wasRequested.load(ordering: .relaxed) }

    /// Throws when the user asked to stop.
    static func check(_ whatIsKept: String) throws(ToolError) {
        if isRequested { throw .interrupted(whatIsKept) }
    }

    /// From now on the first Ctrl-C only asks to stop; the second ends the process at once.
    static func install() {
        // The first use of a global runs its initialiser, which must not happen inside the handler.
        wasRequested.store(false, ordering: .relaxed)
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                if Interrupt.wasRequested.exchange(true, ordering: .relaxed) {
                    signal(number, SIG_DFL)
                    raise(number)
                }
            }
        }
    }
}

/// Turns signals that files cause into errors: "this mapped page is no longer in the file" becomes a message and exit
/// code 1, "this file may not grow further" the failure of the write.
enum FileSignals {
    private static let startsAnew = Atomic<Bool>(false)

    /// From now on the program begins again, in place and with the same arguments, when a mapped file is cut short: for a
    /// watch, whose files are other programs' and whose results are kept.
    static func startAnew() { startsAnew.store(true, ordering: .relaxed) }

    /// Installs the handlers.
    static func install() {
        signal(SIGXFSZ, SIG_IGN)
        var action = sigaction()
        action.sa_flags = SA_SIGINFO
        action.__sigaction_handler.sa_sigaction = { _, info, _ in
            let address = info.map { UInt(bitPattern: $0.pointee._sifields._sigfault.si_addr) } ?? 0
            let file = FileSignals.mappedFile(at: address) ?? "a file"
            if FileSignals.startsAnew.load(ordering: .relaxed) { FileSignals.beginAgain(because: file) }
            Console.note(
                "ripe: \(file): it was cut short or could not be read while it was in use; run again when it is complete"
            )
            _exit(1)
        }
        sigaction(SIGBUS, &action, nil)
    }

    /// Becomes the program anew; returns only when that cannot be done.
    private static func beginAgain(because file: String) {
        Console.note("ripe: \(file): it was cut short while it was read; starting again from what is kept")
        // The signal is blocked inside its handler, and would stay so.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigprocmask(SIG_SETMASK, &signals, nil)
        execv("/proc/self/exe", CommandLine.unsafeArgv)
    }

    /// The file mapped at an address, from the kernel's own list.
    ///
    /// Runs inside the handler. The fault comes from reading a mapped page, never from within the allocator, so
    /// allocating here is safe.
    private static func mappedFile(at address: UInt) -> String? {
        guard let stream = fopen("/proc/self/maps", "r") else { return nil }
        defer { fclose(stream) }
        var line = [CChar](repeating: 0, count: 4600)
        while fgets(&line, Int32(line.count), stream) != nil {
            let text = String(
                decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let fields = text.split(separator: " ", maxSplits: 5)
            let bounds = fields.first?.split(separator: "-").compactMap { UInt($0, radix: 16) } ?? []
            guard fields.count == 6, bounds.count == 2, (bounds[0]..<bounds[1]).contains(address) else { continue }
            return String(fields[5].drop { $0 == " " })
        }
        return nil
    }
}
