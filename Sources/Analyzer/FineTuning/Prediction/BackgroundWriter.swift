// Writes finished cases while the network works on the next.

import Dispatch
import Synchronization

/// Runs jobs one after the other on a thread of its own; at most one waits, so that finished cases do not pile up.
final class BackgroundWriter: Sendable {
    private let queue = DispatchQueue(label: "ripe.prediction.writer")
    private let room = DispatchSemaphore(value: 0)
    private let failure = Mutex<AnalyzerError?>(nil)

    init() {
        // A semaphore must not be released below the value it was made with; so it is made with 0.
        for _ in 0..<2 { room.signal() }
    }

    /// Waits for room and hands over a job.
    ///
    /// - Throws: what an earlier job threw.
    func add(_ job: @escaping @Sendable () throws(AnalyzerError) -> Void) throws(AnalyzerError) {
        room.wait()
        if let failure = failure.withLock({ $0 }) {
            room.signal()
            throw failure
        }
        queue.async { [self] in
            do throws(AnalyzerError) {
                if failure.withLock({ $0 == nil }) { try job() }
            } catch { failure.withLock { $0 = error } }
            room.signal()
        }
    }

    /// Waits until everything is written.
    ///
    /// - Throws: what a job threw.
    func finish() throws(AnalyzerError) {
        queue.sync {}
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}
