// `--level`: all, or level numbers from either end.

import Analyzer
import ArgumentParser

extension LevelSelection {
    /// Reads `all`, `4`, `-2` or `1,-1`.
    init(argument: String) throws {
        if argument == "all" {
            self = .all
            return
        }
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        // The minus sign may be the typographic one, as our own messages print it.
        let numbers = parts.compactMap { Int($0.first == "−" ? "-" + $0.dropFirst() : String($0)) }
        guard numbers.count == parts.count, !numbers.contains(0) else {
            throw ValidationError("expected 'all' or level numbers such as 4, -2 or 1,-1; there is no level 0")
        }
        self = .numbers(numbers)
    }
}
