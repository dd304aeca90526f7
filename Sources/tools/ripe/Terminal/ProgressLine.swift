// How far a long job is: one line rewritten in place on a terminal, a plain line now and then elsewhere.

import Formats
import Synchronization

/// Shows progress on standard error.
///
/// On a terminal one line is rewritten in place, at most ten times a second. Elsewhere (a log file, CI) a plain line
/// appears every ten seconds and whenever a step ends.
final class ProgressLine: Sendable {
    private struct State {
        var lastShown: ContinuousClock.Instant?
        var isOnScreen = false
        /// When what is counted began.
        var start = ContinuousClock.now
    }

    private let terminal: Terminal
    private let isSilent: Bool
    private let write: @Sendable (String) -> Void
    private let state = Mutex(State())

    /// Begins to count time.
    ///
    /// - Parameter write: where text goes; standard error unless a test listens.
    init(
        terminal: Terminal = .errors, isSilent: Bool = false,
        write: @escaping @Sendable (String) -> Void = Console.noteRaw
    ) {
        self.terminal = terminal
        self.isSilent = isSilent
        self.write = write
    }

    /// Counts time and rate anew from now on, for the next of several jobs.
    func restart() { state.withLock { $0.start = .now } }

    /// Shows that `done` of `total` units are through.
    ///
    /// - Parameters:
    ///   - label: what is being worked on, such as a file's name.
    ///   - skipped: units of `done` that took no time and do not count for the rate.
    ///   - unit: the plural of what is counted, for the rate.
    func update(_ label: String, done: Int, total: Int, skipped: Int = 0, unit: String) {
        let now = ContinuousClock.now
        let interval: Duration = terminal.isInteractive ? .milliseconds(100) : .seconds(10)
        let start: ContinuousClock.Instant? = state.withLock { state in
            if isSilent { return nil }
            if let last = state.lastShown, now - last < interval { return nil }
            // Without a terminal the first line waits too: short jobs need none.
            if !terminal.isInteractive, state.lastShown == nil, now - state.start < interval { return nil }
            state.lastShown = now
            state.isOnScreen = terminal.isInteractive
            return state.start
        }
        guard let start else { return }
        let text = Self.text(
            printable(label), done: done, total: total, skipped: skipped, unit: unit, seconds: (now - start).inSeconds)
        write(terminal.isInteractive ? "\r\(shortened(text, to: terminal.width - 1))\u{1B}[K" : text + "\n")
    }

    /// Shows on a terminal what is waited for.
    func status(_ text: String) {
        guard !isSilent, terminal.isInteractive else { return }
        state.withLock { $0.isOnScreen = true }
        write("\r\(shortened(printable(text), to: terminal.width - 1))\u{1B}[K")
    }

    /// Writes a whole line that stays, above the moving one; wrapped where a person reads it.
    func remark(_ text: String) {
        guard !isSilent else { return }
        clear()
        let text = printable(text)
        guard terminal.isInteractive else { return write(text + "\n") }
        let indent = String(text.prefix { $0 == " " })
        let lines = wrapped(String(text.dropFirst(indent.count)), to: terminal.width - indent.count - 2)
        write(indent + lines.joined(separator: "\n  " + indent) + "\n")
    }

    /// Takes the moving line off the screen.
    func clear() {
        let wasOnScreen = state.withLock { state in
            defer { state.isOnScreen = false }
            return state.isOnScreen
        }
        if wasOnScreen { write("\r\u{1B}[K") }
    }

    /// The line's words: label, share, rate and time left.
    static func text(
        _ label: String, done: Int, total: Int, skipped: Int = 0, unit: String, seconds: Double
    ) -> String {
        let share = total > 0 ? 100 * Double(done) / Double(total) : 0
        var parts = ["\(label)  \(fixed(share, 0)) %"]
        if done > skipped, seconds > 0.2 {
            let rate = Double(done - skipped) / seconds
            parts.append("\(significant(rate, 3)) \(unit)/s")
            parts.append("\(duration(seconds: Double(total - done) / rate)) left")
        }
        return parts.joined(separator: "  ")
    }
}
