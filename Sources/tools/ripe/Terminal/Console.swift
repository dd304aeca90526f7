// Writing to standard output and standard error.

import Formats
import Glibc

/// Standard output and standard error, written at once and with failures noticed.
enum Console {
    /// Writes lines of results to standard output.
    ///
    /// - Throws: ``ToolError`` when the stream is closed or its disk is full.
    static func write(_ lines: [String]) throws(ToolError) {
        guard !lines.isEmpty else { return }
        try write(lines.joined(separator: "\n") + "\n", to: STDOUT_FILENO)
    }

    /// Writes one line of results to standard output.
    static func write(_ line: String) throws(ToolError) { try write([line]) }

    /// Writes a remark of one line to standard error, whatever it quotes; a failure there has nowhere to be told.
    static func note(_ line: String) { try? write(printable(line) + "\n", to: STDERR_FILENO) }

    /// Writes to standard error without ending the line.
    static func noteRaw(_ text: String) { try? write(text, to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) throws(ToolError) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                bytes = bytes.dropFirst(count)
            } else if errno == EPIPE {
                throw .outputClosed
            } else if errno != EINTR && errno != EAGAIN {
                throw .failure("standard output: cannot write: \(String(cString: strerror(errno)))")
            }
        }
    }
}
