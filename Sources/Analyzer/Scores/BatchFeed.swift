// Reads and jitters the next batches in the background while the network runs.

import Dispatch
import Engine

/// A batch of one view of some members of a group, as the network wants it.
struct ViewBatch: Sendable {
    let group: Int
    let draw: Int
    let view: Int
    let count: Int
    let isFirstOfDraw: Bool
    let isLastOfDraw: Bool
    /// count × channels × rows × columns
    let values: [Float]
}

/// Makes all batches of a plan in order on a thread of its own, a few ahead of the one in use.
struct BatchFeed: Sendable {
    let source: any ViewSource
    let plan: GroupPlan
    let batchSize: Int
    /// From the views' images to what the network takes.
    let input: NetworkInput

    /// Calls `body` with every batch in order, on the caller's thread.
    ///
    /// - Throws: what reading an image or `body` throws; nothing runs on in the background then.
    func forEach(_ body: (ViewBatch) throws(AnalyzerError) -> Void) throws(AnalyzerError) {
        let queue = BoundedQueue<Result<ViewBatch?, AnalyzerError>>(capacity: 3)
        let producer = DispatchWorkItem { produce(into: queue) }
        DispatchQueue.global(qos: .userInitiated).async(execute: producer)
        defer {
            queue.close()
            producer.wait()
        }
        while let batch = try queue.pop()?.get() { try body(batch) }
    }

    private func produce(into queue: BoundedQueue<Result<ViewBatch?, AnalyzerError>>) {
        for group in plan.groups.indices {
            let views: any ViewGroup
            do throws(AnalyzerError) { views = try source.open(plan.groups[group]) } catch {
                _ = queue.push(.failure(error))
                return
            }
            for draw in 0..<source.draws {
                for view in 0..<2 {
                    for start in stride(from: 0, to: plan.groups[group].count, by: batchSize) {
                        let members = start..<min(plan.groups[group].count, start + batchSize)
                        let batch = batch(views, group: group, draw: draw, view: view, members: members)
                        guard queue.push(.success(batch)) else { return }
                    }
                }
            }
        }
        _ = queue.push(.success(nil))
    }

    private func batch(
        _ views: any ViewGroup, group: Int, draw: Int, view: Int, members: Range<Int>
    ) -> ViewBatch {
        let size = input.count
        let values = [Float](unsafeUninitializedCapacity: members.count * size) { buffer, count in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: input.shape.count) { scratch in
                scratch.initialize(repeating: 0)
                for (row, member) in members.enumerated() {
                    views.write(member: member, view: view, draw: draw, to: scratch)
                    input.write(
                        UnsafeBufferPointer(scratch),
                        to: UnsafeMutableBufferPointer(rebasing: buffer[row * size..<(row + 1) * size]))
                }
            }
            count = members.count * size
        }
        return ViewBatch(
            group: group, draw: draw, view: view, count: members.count,
            isFirstOfDraw: view == 0 && members.lowerBound == 0,
            isLastOfDraw: view == 1 && members.upperBound == plan.groups[group].count, values: values)
    }
}
