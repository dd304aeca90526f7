// A queue between one thread that makes batches and one that uses them.

import Dispatch
import Synchronization

/// Hands elements from one thread to another in order and makes the giver wait while `capacity` are not taken.
final class BoundedQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let free = DispatchSemaphore(value: 0)
    private let filled = DispatchSemaphore(value: 0)

    init(capacity: Int) {
        // A semaphore must not be released below the value it was made with; so it is made with 0.
        for _ in 0..<max(1, capacity) { free.signal() }
    }

    /// Waits for room and appends; false once the queue is closed.
    func push(_ element: Element) -> Bool {
        free.wait()
        let isOpen = state.withLock { state in
            if !state.isClosed { state.elements.append(element) }
            return !state.isClosed
        }
        filled.signal()
        return isOpen
    }

    /// Waits for the next element; nil once the queue is closed.
    func pop() -> Element? {
        filled.wait()
        let element = state.withLock { $0.elements.isEmpty ? nil : $0.elements.removeFirst() }
        free.signal()
        return element
    }

    /// Lets both sides go: elements not yet taken are dropped.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.elements.removeAll()
        }
        free.signal()
        filled.signal()
    }
}
