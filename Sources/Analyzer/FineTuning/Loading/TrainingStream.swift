// Batches made ahead of the compute on background threads, handed over in order.

import Dispatch
import Formats
import Synchronization

/// A running feed. One thread takes batches with ``next()``; others make them.
///
/// At most ``TrainingFeedOptions/lookAhead`` batches are made and not yet taken. The threads end when all batches are
/// made, and after ``stop()``, which dropping the stream also calls.
public final class TrainingStream: Sendable {
    private let shared: SharedFeed
    private let clock = ContinuousClock()
    private let timing = Mutex(Timing())

    private struct Timing {
        var statistics = FeedStatistics()
        var started: ContinuousClock.Instant?
        var taken = 0
    }

    init(_ feed: TrainingFeed, from position: FeedPosition, epochs: Int) {
        shared = SharedFeed(feed, from: position, epochs: epochs)
        for _ in 0..<max(1, min(feed.options.threads, shared.capacity)) {
            DispatchQueue.global(qos: .userInitiated).async(group: shared.workers) { [shared] in shared.work() }
        }
    }

    deinit { shared.close() }

    /// The next batch; nil after the last one and after ``stop()``.
    ///
    /// - Throws: what making the batch threw; the stream is at its end then.
    public func next() throws(AnalyzerError) -> TrainingBatch? {
        let asked = clock.now
        let number = timing.withLock { timing in
            if timing.started == nil { timing.started = asked }
            timing.taken += 1
            return timing.taken - 1
        }
        guard let result = shared.take(number) else { return nil }
        note(number, asked)
        do throws(AnalyzerError) { return try result.get() } catch {
            shared.close()
            throw error
        }
    }

    private func note(_ number: Int, _ asked: ContinuousClock.Instant) {
        let now = clock.now
        let wait = (now - asked).inSeconds
        timing.withLock { timing in
            timing.statistics.batches += 1
            timing.statistics.waitingSeconds += wait
            if number == 0 { timing.statistics.firstWaitSeconds = wait }
            timing.statistics.seconds = timing.started.map { (now - $0).inSeconds } ?? 0
        }
    }

    /// How long the consumer waited so far. May be asked for from any thread.
    public var statistics: FeedStatistics {
        var result = timing.withLock { $0.statistics }
        result.makingSeconds = shared.makingSeconds
        return result
    }

    /// Ends the making of batches and waits until the threads are gone.
    public func stop() {
        shared.close()
        shared.workers.wait()
    }
}

/// What the making threads and the taking one share.
private final class SharedFeed: Sendable {
    private struct State {
        var given = 0
        var isClosed = false
        var results: [Int: Result<TrainingBatch, AnalyzerError>] = [:]
        /// The orders of the epochs being made; making one takes longer than copying it.
        var orders: [Int: [Int]] = [:]
        var makingSeconds = 0.0
    }

    let workers = DispatchGroup()
    let capacity: Int
    private let feed: TrainingFeed
    private let first: Int
    private let count: Int
    private let state = Mutex(State())
    private let free = DispatchSemaphore(value: 0)
    /// One for each batch that may be under way; batch b uses number b mod capacity.
    private let filled: [DispatchSemaphore]

    init(_ feed: TrainingFeed, from position: FeedPosition, epochs: Int) {
        self.feed = feed
        capacity = max(1, feed.options.lookAhead)
        first = position.epoch * feed.batchesPerEpoch + position.batch
        count = max(0, epochs * feed.batchesPerEpoch - first)
        filled = (0..<capacity).map { _ in DispatchSemaphore(value: 0) }
        // A semaphore must not be released below the value it was made with; so it is made with 0.
        for _ in 0..<capacity { free.signal() }
    }

    /// Makes batches until there are no more to make.
    func work() {
        while true {
            free.wait()
            guard let number = state.withLock({ $0.isClosed || $0.given == count ? nil : next(&$0) }) else {
                free.signal()  // for the next thread
                return
            }
            let start = ContinuousClock.now
            let result = Result { () throws(AnalyzerError) in try make(first + number) }
            let time = (ContinuousClock.now - start).inSeconds
            state.withLock { state in
                state.results[number] = result
                state.makingSeconds += time
            }
            filled[number % capacity].signal()
        }
    }

    private func next(_ state: inout State) -> Int {
        state.given += 1
        return state.given - 1
    }

    private func make(_ place: Int) throws(AnalyzerError) -> TrainingBatch {
        let (epoch, number) = place.quotientAndRemainder(dividingBy: feed.batchesPerEpoch)
        let known = state.withLock { $0.orders[epoch] }
        let order = known ?? feed.order(ofEpoch: epoch)
        if known == nil {
            state.withLock { state in
                state.orders = state.orders.filter { $0.key >= epoch - 1 }
                state.orders[epoch] = order
            }
        }
        return try feed.batch(epoch, number, order: order)
    }

    /// Waits for a batch and takes it; nil behind the last one and after ``close()``.
    func take(_ number: Int) -> Result<TrainingBatch, AnalyzerError>? {
        guard number < count, !state.withLock({ $0.isClosed }) else { return nil }
        filled[number % capacity].wait()
        let result = state.withLock { $0.results.removeValue(forKey: number) }
        if result == nil { filled[number % capacity].signal() }  // closed
        free.signal()
        return result
    }

    /// Lets all sides go; batches not yet taken are dropped.
    func close() {
        let isFirst = state.withLock { state in
            defer {
                state.isClosed = true
                state.results.removeAll()
            }
            return !state.isClosed
        }
        guard isFirst else { return }
        free.signal()
        for semaphore in filled { semaphore.signal() }
    }

    var makingSeconds: Double { state.withLock { $0.makingSeconds } }
}
