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
    let channels: Int
    let normalization: InputNormalization

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
        let shape = source.imageShape
        let plane = shape.height * shape.width
        let size = channels * plane
        let values = [Float](unsafeUninitializedCapacity: members.count * size) { buffer, count in
            buffer.initialize(repeating: 0)
            for (row, member) in members.enumerated() {
                let image = UnsafeMutableBufferPointer(rebasing: buffer[row * size..<(row + 1) * size])
                let given = UnsafeMutableBufferPointer(rebasing: image[..<shape.count])
                views.write(member: member, view: view, draw: draw, to: given)
                for channel in stride(from: shape.channels, to: channels, by: 1) {
                    let repeated = UnsafeMutableBufferPointer(rebasing: image[channel * plane..<(channel + 1) * plane])
                    _ = repeated.update(fromContentsOf: image[..<plane])
                }
                normalize(image, plane: plane)
            }
            count = members.count * size
        }
        return ViewBatch(
            group: group, draw: draw, view: view, count: members.count,
            isFirstOfDraw: view == 0 && members.lowerBound == 0,
            isLastOfDraw: view == 1 && members.upperBound == plan.groups[group].count, values: values)
    }

    /// x ↦ (x · scale − mean) / deviation for each channel of the network, the first and last swapped for BGR.
    private func normalize(_ image: UnsafeMutableBufferPointer<Float>, plane: Int) {
        guard normalization != .unit else { return }
        if normalization.isBGR, channels == 3 {
            for index in 0..<plane { image.swapAt(index, 2 * plane + index) }
        }
        for channel in 0..<channels {
            let mean = normalization.mean[channel]
            let deviation = normalization.deviation[channel]
            for index in channel * plane..<(channel + 1) * plane {
                image[index] = (image[index] * normalization.scale - mean) / deviation
            }
        }
    }
}
