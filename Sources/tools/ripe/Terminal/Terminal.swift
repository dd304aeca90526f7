// What the terminal can do: whether there is one, how wide it is, whether colours are wanted.

import Glibc

/// The place where a stream ends: a person's terminal, or a file or pipe.
struct Terminal: Sendable {
    /// Whether a person reads along.
    let isInteractive: Bool
    /// Columns to fill at most.
    let width: Int
    /// Whether escape sequences may be written.
    let hasColors: Bool

    /// Standard output's terminal.
    static var output: Terminal { Terminal(descriptor: STDOUT_FILENO) }
    /// Standard error's terminal, where progress is shown.
    static var errors: Terminal { Terminal(descriptor: STDERR_FILENO) }

    /// Describes a terminal that is known; used by tests.
    init(isInteractive: Bool, width: Int, hasColors: Bool) {
        self.isInteractive = isInteractive
        self.width = width
        self.hasColors = hasColors
    }

    private init(descriptor: Int32) {
        isInteractive = isatty(descriptor) == 1
        width = Self.width(of: descriptor) ?? environment("COLUMNS").flatMap { Int($0) }.map { max($0, 20) } ?? 120
        // https://no-color.org: any non-empty value of NO_COLOR turns colours off.
        hasColors = isInteractive && (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
    }

    private static func width(of descriptor: Int32) -> Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return max(Int(size.ws_col), 20)
    }
}

/// An environment variable, or nil when it is not set.
func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
