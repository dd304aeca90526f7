// A running average of the weights, which often predicts better than the last of them.

import CKernels
public import Formats

/// The exponential moving average of all learned parameters and running statistics (Polyak & Juditsky 1992; as timm's
/// `ModelEma`): average ← average + (1 − d)(value − average) with decay d. It begins as a copy of the values.
///
/// `Sendable` unchecked: used by one thread at a time, as the parameters.
public final class ParameterAverage: @unchecked Sendable {
    /// The decay after any warm-up.
    public let decay: Double
    /// Whether update n (from 0) uses min(decay, (1 + n) / (10 + n)), so that the average does not stick to the start.
    public let warmsUp: Bool
    /// How many updates there have been.
    public var updates = 0
    private let loop: ParameterLoop
    private let parameters: TrainingParameters
    private let buffers: ParameterBuffers
    private let memory: [UnsafeMutablePointer<Float>?]
    private let statistics: [(name: String, count: Int, values: AlignedBuffer, average: AlignedBuffer)]

    /// Copies the present values.
    ///
    /// - Parameter decay: from 0 to less than 1; other numbers are brought into that range.
    public init(of parameters: TrainingParameters, decay: Double, warmsUp: Bool = false, threads: Int) {
        self.parameters = parameters
        self.decay = min(max(0, decay), 1 - .ulpOfOne)
        self.warmsUp = warmsUp
        loop = ParameterLoop(parameters, threads: threads)
        buffers = ParameterBuffers(of: parameters)
        memory = loop.memory(in: buffers)
        statistics = parameters.statisticNames.compactMap { name in
            guard let entry = parameters.entries[name] else { return nil }
            return (name, entry.count, entry.values, AlignedBuffer(byteCount: entry.packing.byteCount))
        }
        blend(1) { CK_scaled($0, $1) }
    }

    /// Bytes of the average.
    public var byteCount: Int { buffers.byteCount + statistics.reduce(0) { $0 + $1.average.memory.count } }

    /// Moves the average towards the present values.
    public func update() {
        let number = Double(updates)
        let decay = warmsUp ? min(decay, (1 + number) / (10 + number)) : decay
        blend(Float(1 - decay)) { CK_move_towards($0, $1) }
        updates += 1
    }

    private func blend(_ scale: Float, _ body: @escaping (UnsafePointer<CK_Scaling>, Int64) -> Void) {
        let works = zip(loop.slots, memory).map { slot, memory in
            CK_Scaling(source: slot.values, destination: memory, count: Int64(slot.count), scale: scale)
        }
        loop.run(works, body)
        for statistic in statistics {
            var work = CK_Scaling(
                source: statistic.values.floats(), destination: statistic.average.floats(),
                count: Int64(statistic.count), scale: scale)
            for index in 0..<(statistic.count + Int(CK_SEGMENT) - 1) / Int(CK_SEGMENT) { body(&work, Int64(index)) }
        }
    }

    // MARK: State

    /// The averaged parameters' names.
    public var names: [String] { loop.slots.map(\.name) + statistics.map(\.name) }

    /// A parameter's average in its own shape, row-major.
    ///
    /// - Throws: ``EngineError`` with `.shape` for a name that is not among ``names``.
    public func values(of name: String) throws(EngineError) -> [Float] {
        if let statistic = statistics.first(where: { $0.name == name }) {
            return try parameters.unpacked(name, statistic.average)
        }
        return try buffers.values(of: name)
    }

    /// Replaces a parameter's average, given in its own shape, row-major.
    ///
    /// - Throws: ``EngineError`` with `.shape` for a name that is not among ``names`` or another count.
    public func set(_ name: String, to values: [Float]) throws(EngineError) {
        if let statistic = statistics.first(where: { $0.name == name }) {
            return try parameters.pack(name, values, into: statistic.average)
        }
        try buffers.set(name, to: values)
    }
}

extension ParameterAverage: ParameterSource {
    /// The average; the present value of what is not averaged because it does not change.
    public func values(of parameter: Parameter) throws(EngineError) -> TensorView {
        guard names.contains(parameter.name) else { return try parameters.values(of: parameter) }
        return TensorView(floats: try values(of: parameter.name), shape: parameter.shape)
    }
}
