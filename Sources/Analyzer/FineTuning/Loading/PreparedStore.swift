// Keeps prepared images and label maps ready: in memory up to a budget, beyond it in a file that nobody sees.
//
// Training asks for images in random order. Without this store every image of a volume beyond the budget would mean
// inflating the whole volume again.

import Synchronization

/// Any thread may use it. What is kept never changes a value, only how fast it is there.
final class PreparedStore: Sendable {
    private struct State {
        var values: [[Float]?]
        var numbers: [[UInt8]?]
        var bytes = 0
        var isInFile: [Bool]
        var scratch: ScratchFile?
        var hasTriedScratch = false
    }

    private let state: Mutex<State>
    private let slotBytes: Int
    private let valueBytes: Int
    private let byteLimit: Int
    private let scratchFolder: String?

    /// Room for images of one size.
    ///
    /// - Parameters:
    ///   - valueCount: channels × height × width of an image.
    ///   - labelCount: height × width.
    ///   - byteLimit: bytes in memory.
    ///   - scratchFolder: where the rest may go; nil for nowhere.
    init(count: Int, valueCount: Int, labelCount: Int, byteLimit: Int, scratchFolder: String?) {
        valueBytes = valueCount * MemoryLayout<Float>.size
        slotBytes = valueBytes + labelCount
        self.byteLimit = byteLimit
        self.scratchFolder = scratchFolder
        state = Mutex(
            State(
                values: [[Float]?](repeating: nil, count: count), numbers: [[UInt8]?](repeating: nil, count: count),
                isInFile: [Bool](repeating: false, count: count)))
    }

    /// Keeps an image with its labels, if there is room anywhere.
    func keep(_ values: [Float], _ numbers: [UInt8], as slot: Int) {
        let scratch = state.withLock { state -> ScratchFile? in
            guard state.values[slot] == nil, !state.isInFile[slot] else { return nil }
            if state.bytes + slotBytes <= byteLimit {
                (state.values[slot], state.numbers[slot]) = (values, numbers)
                state.bytes += slotBytes
                return nil
            }
            if !state.hasTriedScratch {
                state.hasTriedScratch = true
                state.scratch = scratchFolder.flatMap { ScratchFile(in: $0, size: slotBytes * state.values.count) }
            }
            return state.scratch
        }
        guard let scratch else { return }
        let isWritten =
            values.withUnsafeBytes { scratch.write($0, at: slot * slotBytes) }
            && numbers.withUnsafeBytes { scratch.write($0, at: slot * slotBytes + valueBytes) }
        if isWritten { state.withLock { $0.isInFile[slot] = true } }
    }

    /// A kept image, channels × height × width.
    func values(_ slot: Int) -> [Float]? {
        let (kept, scratch) = state.withLock { ($0.values[slot], $0.isInFile[slot] ? $0.scratch : nil) }
        if let kept { return kept }
        guard let scratch else { return nil }
        return Self.read(scratch, at: slot * slotBytes, count: valueBytes / MemoryLayout<Float>.size)
    }

    /// A kept label map, height × width.
    func numbers(_ slot: Int) -> [UInt8]? {
        let (kept, scratch) = state.withLock { ($0.numbers[slot], $0.isInFile[slot] ? $0.scratch : nil) }
        if let kept { return kept }
        guard let scratch else { return nil }
        return Self.read(scratch, at: slot * slotBytes + valueBytes, count: slotBytes - valueBytes)
    }

    private static func read<Value: BitwiseCopyable>(_ file: ScratchFile, at offset: Int, count: Int) -> [Value]? {
        var isRead = false
        let result = [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            isRead = file.read(UnsafeMutableRawBufferPointer(buffer), at: offset)
            initialized = isRead ? count : 0
        }
        return isRead ? result : nil
    }

    /// How many bytes are in memory, and how many images in the file.
    var usage: (memoryBytes: Int, filedImages: Int) {
        state.withLock { ($0.bytes, $0.isInFile.count { $0 }) }
    }
}
