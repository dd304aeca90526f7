// Loops over all elements of many parameters at once, in segments, so that threads share the work evenly.

import CKernels

/// The learned parameters' memory, cut into segments of equal size.
struct ParameterLoop {
    /// One parameter's memory.
    struct Slot {
        let name: String
        let values: UnsafeMutablePointer<Float>
        let gradient: UnsafeMutablePointer<Float>
        /// Floats, padding included.
        let count: Int
    }

    let slots: [Slot]
    let threads: Int
    private let segments: [(slot: Int32, index: Int32)]
    /// Keeps the memory alive.
    private let parameters: TrainingParameters

    /// Finds the memory of the parameters that are learned by the plans made so far.
    init(_ parameters: TrainingParameters, threads: Int) {
        var slots: [Slot] = []
        for name in parameters.learnedNames {
            guard let entry = parameters.entries[name], let gradient = entry.gradient else { continue }
            slots.append(
                Slot(name: name, values: entry.values.floats(), gradient: gradient.floats(), count: entry.count))
        }
        self.slots = slots
        self.threads = threads
        self.parameters = parameters
        segments = Self.segments(of: slots.map(\.count))
    }

    private static func segments(of counts: [Int]) -> [(slot: Int32, index: Int32)] {
        var result: [(slot: Int32, index: Int32)] = []
        for (slot, count) in counts.enumerated() {
            for index in 0..<(count + Int(CK_SEGMENT) - 1) / Int(CK_SEGMENT) {
                result.append((slot: Int32(slot), index: Int32(index)))
            }
        }
        return result
    }

    /// Runs an element-wise loop over every slot, with one work description a slot.
    func run<Work>(_ works: [Work], _ body: @escaping (UnsafePointer<Work>, Int64) -> Void) {
        works.withUnsafeBufferPointer { works in
            guard let base = works.baseAddress else { return }
            segments.withUnsafeBufferPointer { segments in
                parallelFor(segments.count, threads: threads) { number in
                    let segment = segments[number]
                    body(base + Int(segment.slot), Int64(segment.index))
                }
            }
        }
        withExtendedLifetime(parameters) {}
    }

    /// Sums a loop's results over every slot's segments, always in the same order.
    func sums<Work>(_ works: [Work], _ body: @escaping (UnsafePointer<Work>, Int64) -> Double) -> [Double] {
        var parts = [Double](repeating: 0, count: segments.count)
        parts.withUnsafeMutableBufferPointer { parts in
            works.withUnsafeBufferPointer { works in
                guard let base = works.baseAddress else { return }
                segments.withUnsafeBufferPointer { segments in
                    let target = UnsafeMutableBufferPointer(rebasing: parts[...])
                    parallelFor(segments.count, threads: threads) { number in
                        let segment = segments[number]
                        target[number] = body(base + Int(segment.slot), Int64(segment.index))
                    }
                }
            }
        }
        withExtendedLifetime(parameters) {}
        var result = [Double](repeating: 0, count: slots.count)
        for (segment, part) in zip(segments, parts) { result[Int(segment.slot)] += part }
        return result
    }

    /// Memory beside every slot in the order of the slots, from buffers that hold it.
    func memory(in buffers: ParameterBuffers) -> [UnsafeMutablePointer<Float>?] {
        slots.map { slot in buffers.withMemory(of: slot.name) { $0.baseAddress }.flatMap { $0 } }
    }
}
