// Opens the next cases in the background while the network works on the ones before.

import Dispatch

/// Opens cases in order on a thread of its own, one volume (or one batch of separate images) ahead of the one in use.
struct CaseFeed: Sendable {
    /// An opened case, or why it could not be opened.
    typealias Outcome = Result<OpenedCase, AnalyzerError>
    private typealias Numbered = (number: Int, outcome: Outcome)

    /// How many cases there are.
    let count: Int
    /// How many separate images are opened at a time.
    let imagesAhead: Int
    /// Opens a case; called from another thread.
    let open: @Sendable (Int) throws(AnalyzerError) -> OpenedCase

    /// Calls `body` with every case in order, on the caller's thread.
    ///
    /// - Throws: what `body` throws; nothing runs on in the background then.
    func forEach(_ body: (Int, Outcome) throws(AnalyzerError) -> Void) throws(AnalyzerError) {
        let queue = BoundedQueue<[Numbered]?>(capacity: 2)
        // A semaphore must not be released below the value it was made with; so it is made with 0.
        let permits = DispatchSemaphore(value: 0)
        permits.signal()
        let producer = DispatchWorkItem { produce(into: queue, permits: permits) }
        DispatchQueue.global(qos: .userInitiated).async(execute: producer)
        defer {
            queue.close()
            permits.signal()
            producer.wait()
        }
        while let chunk = queue.pop() ?? nil {
            permits.signal()
            for entry in chunk { try body(entry.number, entry.outcome) }
        }
    }

    /// Opens no case before the consumer has taken the one before it.
    private func produce(into queue: BoundedQueue<[Numbered]?>, permits: DispatchSemaphore) {
        var chunk: [Numbered] = []
        for number in 0..<count {
            if chunk.isEmpty { permits.wait() }
            let outcome = Outcome { () throws(AnalyzerError) in try open(number) }
            chunk.append((number, outcome))
            var isSingle = true
            if case .success(let opened) = outcome { isSingle = opened.content.imageCount == 1 }
            guard !isSingle || chunk.count >= imagesAhead || number + 1 == count else { continue }
            guard queue.push(chunk) else { return }
            chunk = []
        }
        _ = queue.push(nil)
    }
}
