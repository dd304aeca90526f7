// Keeps the last opened cases and as many prepared images as a budget allows, so that memory does not grow with the
// data set.

import Synchronization

/// Shared by all copies of a target. Any thread may use it; work is done outside the lock, so two threads may decode the
/// same case once each.
final class TargetCache: Sendable {
    private struct State {
        /// Newest last.
        var cases: [(number: Int, content: CaseContent)] = []
        var images: [Int: [Float]] = [:]
        var imageBytes = 0
    }

    private let state = Mutex(State())
    private let caseLimit: Int
    private let byteLimit: Int

    init(caseLimit: Int, byteLimit: Int) {
        self.caseLimit = caseLimit
        self.byteLimit = byteLimit
    }

    /// The opened case, from the cache or by `open`.
    func content(
        of number: Int, open: () throws(AnalyzerError) -> CaseContent
    ) throws(AnalyzerError) -> CaseContent {
        let kept = state.withLock { state -> CaseContent? in
            guard let index = state.cases.firstIndex(where: { $0.number == number }) else { return nil }
            let entry = state.cases.remove(at: index)
            state.cases.append(entry)
            return entry.content
        }
        if let kept { return kept }
        let content = try open()
        state.withLock { state in
            state.cases.removeAll { $0.number == number }
            state.cases.append((number, content))
            if state.cases.count > caseLimit { state.cases.removeFirst() }
        }
        return content
    }

    /// A prepared image, if it was kept.
    func image(_ index: Int) -> [Float]? { state.withLock { $0.images[index] } }

    /// Keeps a prepared image while there is room. Nothing is evicted: images are asked for in the same order for every
    /// checkpoint, where dropping the oldest would drop each just before its turn.
    func keep(_ image: [Float], as index: Int) {
        let size = image.count * MemoryLayout<Float>.size
        state.withLock { state in
            guard state.imageBytes + size <= byteLimit, state.images[index] == nil else { return }
            state.images[index] = image
            state.imageBytes += size
        }
    }
}
