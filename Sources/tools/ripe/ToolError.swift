// What ends a command early, and the exit code each ending has.

import Engine

/// Why a command stops before its end, beyond the errors of the libraries.
enum ToolError: Error, Equatable {
    /// Something is wrong; the text says what, where and what to do.
    case failure(String)
    /// A combination of options that makes no sense; the text says which.
    case usage(String)
    /// The reader of our output has gone (`ripe … | head`); nothing to say.
    case outputClosed
    /// Ctrl-C or a polite termination; the text says what is kept.
    case interrupted(String)
    /// The command did its work, but not for all files; the remarks are printed already.
    case incomplete
    /// The stopping rule of a watch says stop; everything is printed already.
    case stopAdvised
}

extension ToolError {
    /// A network's failure with the checkpoint's name before it, where the error does not name it already.
    static func about(_ path: String, _ error: EngineError) -> ToolError {
        if case .format(let error) = error { return .failure("\(error)") }
        return .failure("\(path): \(error)")
    }
}

extension ToolError: CustomStringConvertible {
    var description: String {
        switch self {
        case .failure(let text), .usage(let text), .interrupted(let text): text
        case .outputClosed, .incomplete, .stopAdvised: ""
        }
    }

    /// The process's exit code: 1 failure, 3 stop advised, 64 usage (EX_USAGE), 128 + signal otherwise.
    var exitCode: Int32 {
        switch self {
        case .failure, .incomplete: 1
        case .stopAdvised: 3
        case .usage: 64
        case .outputClosed: 128 + 13
        case .interrupted: 128 + 2
        }
    }
}
