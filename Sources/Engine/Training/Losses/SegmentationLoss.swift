// The loss of a batch of logits and its derivatives, multi-threaded; the loops are CKernels' losses.c.

import CKernels
public import Formats

/// A loss for logits of a fixed number of channels.
public struct SegmentationLoss: Sendable {
    /// The choices it was made by.
    public let options: LossOptions
    /// How many classes labels may have.
    public let classes: Int
    /// Channels of the logits: as many as classes (softmax), or 1 for two classes (sigmoid).
    public let logitChannels: Int
    private let threads: Int
    private let weights: [Float]

    /// Prepares a loss.
    ///
    /// - Throws: ``EngineError`` with `.shape` when weights, channels and classes do not fit each other or an option has
    ///   no meaning.
    public init(_ options: LossOptions, classes: Int, logitChannels: Int, threads: Int) throws(EngineError) {
        guard (2...255).contains(classes) else {
            throw .shape(operation: "the loss", expected: "2 to 255 classes", found: "\(classes)")
        }
        guard logitChannels == classes || logitChannels == 1 && classes == 2 else {
            throw .shape(
                operation: "the loss", expected: classes == 2 ? "1 or 2 channels" : "\(classes) channels",
                found: "\(logitChannels)")
        }
        guard !options.terms.isEmpty, Set(options.terms).count == options.terms.count else {
            throw .shape(
                operation: "the loss", expected: "one or more terms, each once", found: "'\(options.description)'")
        }
        let weights = options.classWeights ?? [Float](repeating: 1, count: classes)
        guard weights.count == classes, weights.allSatisfy({ $0 >= 0 && $0.isFinite }),
            weights.contains(where: { $0 > 0 })
        else {
            throw .shape(
                operation: "the class weights", expected: "\(classes) numbers, none below 0 and not all 0",
                found: weights.map { "\($0)" }.joined(separator: ","))
        }
        guard options.focalGamma >= 0, options.focalGamma.isFinite, options.diceSmoothing >= 0,
            options.diceSmoothing.isFinite
        else {
            throw .shape(
                operation: "the loss", expected: "a focal gamma and a Dice smoothing of at least 0",
                found: "\(options.focalGamma) and \(options.diceSmoothing)")
        }
        self.options = options
        self.classes = classes
        self.logitChannels = logitChannels
        self.threads = threads
        self.weights = weights
    }

    /// The loss of a batch, and its derivative by every logit.
    ///
    /// A batch of nothing but ignored pixels has loss 0 and derivatives 0. Values are the same to the bit for any number
    /// of threads.
    ///
    /// - Parameters:
    ///   - logits: N×K×h×w, row-major.
    ///   - labels: N×h×w class numbers.
    ///   - shape: the logits' shape.
    ///   - gradient: receives the derivatives, N×K×h×w; must not overlap the logits.
    /// - Throws: ``EngineError`` with `.shape` when counts do not fit, or for a label that is neither a class nor the
    ///   ignored one; `gradient` then holds nothing of use.
    public func evaluate(
        logits: UnsafeBufferPointer<Float>, labels: UnsafeBufferPointer<UInt8>, shape: Shape,
        gradient: UnsafeMutableBufferPointer<Float>
    ) throws(EngineError) -> LossValue {
        try check(shape, logits: logits.count, labels: labels.count, gradient: gradient.count)
        let pass = LossPass(self, weights: weights, shape: shape, threads: threads)
        let sums = pass.sums(logits: logits, labels: labels, gradient: gradient)
        guard sums.outside == 0 else {
            throw .shape(
                operation: "the labels", expected: expectedLabels, found: "other values in \(sums.outside) pixels")
        }
        pass.writeGradient(sums, logits: logits, labels: labels, gradient: gradient)
        return sums.value
    }

    /// The loss of a batch, and its derivative by every logit: ``evaluate(logits:labels:shape:gradient:)`` for arrays.
    ///
    /// - Parameter gradient: replaced by the derivatives; its memory is used again where the count is the same.
    public func callAsFunction(
        _ logits: [Float], labels: [UInt8], shape: Shape, gradient: inout [Float]
    ) throws(EngineError) -> LossValue {
        if gradient.count != logits.count { gradient = [Float](repeating: 0, count: logits.count) }
        var result = Result<LossValue, EngineError>.success(LossValue(total: 0, terms: [:], pixels: 0))
        logits.withUnsafeBufferPointer { logits in
            labels.withUnsafeBufferPointer { labels in
                gradient.withUnsafeMutableBufferPointer { gradient in
                    result = Result { () throws(EngineError) in
                        try evaluate(logits: logits, labels: labels, shape: shape, gradient: gradient)
                    }
                }
            }
        }
        return try result.get()
    }

    private var expectedLabels: String {
        "classes 0 to \(classes - 1)" + (options.ignoreLabel.map { " or \($0) for pixels to ignore" } ?? "")
    }

    private func check(_ shape: Shape, logits: Int, labels: Int, gradient: Int) throws(EngineError) {
        guard shape.rank == 4, shape[1] == logitChannels, shape.elementCount == logits else {
            throw .shape(
                operation: "the loss", expected: "logits N×\(logitChannels)×h×w", found: "\(logits) values of \(shape)")
        }
        guard labels == shape[0] * shape[2] * shape[3], gradient == logits else {
            throw .shape(
                operation: "the loss", expected: "labels N×h×w and derivatives N×K×h×w for logits \(shape)",
                found: "\(labels) labels and \(gradient) derivatives")
        }
    }
}
