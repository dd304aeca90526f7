// Reading all cases of a target, several at a time.

import Dispatch
import Synchronization

extension Target {
    /// Reads every case once; results are in the order of the cases whatever the threads.
    static func readCases(
        _ cases: [ListedCase], options: TargetOptions, isCancelled: @escaping @Sendable () -> Bool,
        progress: @escaping @Sendable (Int, Int) -> Void
    ) throws(AnalyzerError) -> [CaseIndex] {
        let state = Mutex(IndexingState())
        let workers = max(1, min(options.threads, cases.count))
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            while let number = state.withLock({ $0.next(of: cases.count) }) {
                let result = Result { () throws(AnalyzerError) in
                    if isCancelled() { throw .cancelled }
                    return try CaseIndex(reading: cases[number], options: options)
                }
                let done = state.withLock { $0.finish(number, result) }
                progress(done, cases.count)
            }
        }
        // The first failure in case order, so that the message does not depend on the threads.
        return try state.withLock { $0.results }.sorted { $0.key < $1.key }
            .map { (entry) throws(AnalyzerError) in try entry.value.get() }
    }

    private struct IndexingState {
        var given = 0
        var results: [Int: Result<CaseIndex, AnalyzerError>] = [:]
        /// The lowest case that failed: those behind it need not be read.
        var firstFailure = Int.max

        mutating func next(of count: Int) -> Int? {
            guard given < min(count, firstFailure) else { return nil }
            given += 1
            return given - 1
        }

        mutating func finish(_ number: Int, _ result: Result<CaseIndex, AnalyzerError>) -> Int {
            results[number] = result
            if case .failure = result { firstFailure = min(firstFailure, number) }
            return results.count
        }
    }
}
