// Memory beside every trained parameter, in the same layout: an optimizer's moments, running averages of the weights,
// gradients summed over several batches.

import Formats

/// One buffer for every trained parameter, element for element beside its values.
///
/// `Sendable` unchecked: used by one thread at a time, as the parameters.
public final class ParameterBuffers: @unchecked Sendable {
    private let parameters: TrainingParameters
    private let buffers: [String: AlignedBuffer]

    /// Zeros for every parameter that is trained by the plans made so far.
    public init(of parameters: TrainingParameters) {
        self.parameters = parameters
        var buffers: [String: AlignedBuffer] = [:]
        for name in parameters.trainedNames {
            if let entry = parameters.entries[name] {
                buffers[name] = AlignedBuffer(byteCount: entry.packing.byteCount)
            }
        }
        self.buffers = buffers
    }

    /// Bytes of all buffers.
    public var byteCount: Int { buffers.values.reduce(0) { $0 + $1.memory.count } }

    /// Lends a parameter's buffer; nil for a name that is not trained.
    public func withMemory<Result>(
        of name: String, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
    ) rethrows -> Result? {
        guard let buffer = buffers[name], let entry = parameters.entries[name] else { return nil }
        return try body(UnsafeMutableBufferPointer(start: buffer.floats(), count: entry.count))
    }

    /// A parameter's numbers in its own shape, row-major, for a file.
    ///
    /// - Throws: ``EngineError`` with `.shape` for a name that is not trained.
    public func values(of name: String) throws(EngineError) -> [Float] {
        guard let buffer = buffers[name] else { throw unknown(name) }
        return try parameters.unpacked(name, buffer)
    }

    /// Takes a parameter's numbers from a file.
    ///
    /// - Throws: ``EngineError`` with `.shape` for a name that is not trained or another count.
    public func set(_ name: String, to values: [Float]) throws(EngineError) {
        guard let buffer = buffers[name] else { throw unknown(name) }
        try parameters.pack(name, values, into: buffer)
    }

    private func unknown(_ name: String) -> EngineError {
        .shape(operation: "parameter '\(name)'", expected: "one that is trained", found: "another name")
    }
}
