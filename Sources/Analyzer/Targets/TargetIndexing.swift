// Reading all cases of a target, several at a time.

import Dispatch
import Synchronization

extension Target {
    /// Reads every case once; results are in the order of the cases whatever the threads.
    static func readCases(
        _ cases: [ListedCase], options: TargetOptions, isCancelled: @escaping @Sendable () -> Bool,
        progress: @escaping @Sendable (Int, Int) -> Void
    ) throws(AnalyzerError) -> [CaseIndex] {
        try readInOrder(cases.count, threads: options.threads, isCancelled: isCancelled, progress: progress) {
            (number) throws(AnalyzerError) in
            try CaseIndex(reading: cases[number], options: options)
        }
    }
}

/// Calls `read` with 0..<count on several threads; results are in order whatever the threads.
///
/// - Parameters:
///   - isCancelled: asked before every call, from any thread.
///   - progress: called with results so far and in all, from any thread.
/// - Throws: the failure of the lowest number, so that the message does not depend on the threads;
///   ``AnalyzerError/cancelled``.
func readInOrder<Value: Sendable>(
    _ count: Int, threads: Int, isCancelled: @escaping @Sendable () -> Bool,
    progress: @escaping @Sendable (Int, Int) -> Void, read: @escaping @Sendable (Int) throws(AnalyzerError) -> Value
) throws(AnalyzerError) -> [Value] {
    let state = Mutex(ReadingState<Value>())
    let workers = max(1, min(threads, count))
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
        while let number = state.withLock({ $0.next(of: count) }) {
            let result = Result { () throws(AnalyzerError) in
                if isCancelled() { throw .cancelled }
                return try read(number)
            }
            let done = state.withLock { $0.finish(number, result) }
            progress(done, count)
        }
    }
    return try state.withLock { $0.results }.sorted { $0.key < $1.key }
        .map { (entry) throws(AnalyzerError) in try entry.value.get() }
}

private struct ReadingState<Value: Sendable> {
    var given = 0
    var results: [Int: Result<Value, AnalyzerError>] = [:]
    /// The lowest number that failed: those behind it need not be read.
    var firstFailure = Int.max

    mutating func next(of count: Int) -> Int? {
        guard given < min(count, firstFailure) else { return nil }
        given += 1
        return given - 1
    }

    mutating func finish(_ number: Int, _ result: Result<Value, AnalyzerError>) -> Int {
        results[number] = result
        if case .failure = result { firstFailure = min(firstFailure, number) }
        return results.count
    }
}
