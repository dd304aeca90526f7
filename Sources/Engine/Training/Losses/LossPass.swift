// One evaluation of a loss: sums over segments of the batch, the terms made of them, derivatives by segments again.

import CKernels
import Formats

/// The sums of a batch and what follows from them.
struct LossSums {
    let value: LossValue
    /// Pixels whose label is no class.
    let outside: Int
    /// Σ w[y].
    let weight: Double
    /// Per group of images and class, the Dice term's derivative by a probability: [0] t + [1] p + [2].
    let dice: [Float]
}

/// The work of one call.
struct LossPass {
    private let options: LossOptions
    private let classes: Int
    private let weights: [Float]
    private let threads: Int
    private let shape: Shape
    private let positions: Int
    private let segments: Int
    /// The focal term's slopes between the two passes; empty without that term.
    private let slopes: AlignedBuffer?

    init(_ loss: SegmentationLoss, weights: [Float], shape: Shape, threads: Int) {
        options = loss.options
        classes = loss.classes
        self.weights = weights
        self.threads = threads
        self.shape = shape
        positions = shape[2] * shape[3]
        let segment = Int(CK_LOSS_SEGMENT)
        segments = shape[0] * ((positions + segment - 1) / segment)
        slopes =
            options.terms.contains(.focal)
            ? AlignedBuffer(uninitializedByteCount: shape[0] * positions * MemoryLayout<Float>.stride) : nil
    }

    private var imagesPerGroup: Int { options.diceIsOverBatch ? max(1, shape[0]) : 1 }
    private var stride: Int { Int(CK_LOSS_CLASSES) + 3 * classes }

    private func has(_ term: LossTerm) -> Bool { options.terms.contains(term) }

    private func work(
        _ logits: UnsafeBufferPointer<Float>, _ labels: UnsafeBufferPointer<UInt8>,
        _ gradient: UnsafeMutableBufferPointer<Float>
    ) -> CK_Loss {
        var work = CK_Loss()
        work.logits = logits.baseAddress
        work.labels = labels.baseAddress
        work.gradient = gradient.baseAddress
        work.slopes = slopes?.floats()
        work.channels = Int64(shape[1])
        work.positions = Int64(positions)
        work.images_per_group = Int64(imagesPerGroup)
        work.ignored = options.ignoreLabel.map { Int32($0) } ?? -1
        work.squares = options.diceSquaresProbabilities ? 1 : 0
        work.has_dice = has(.dice) ? 1 : 0
        work.has_binary = has(.binaryCrossEntropy) && shape[1] > 1 ? 1 : 0
        work.gamma = options.focalGamma
        return work
    }

    /// Runs one of the loops over all segments.
    private func run(_ work: CK_Loss, _ body: @escaping (UnsafePointer<CK_Loss>, Int64) -> Void) {
        withUnsafePointer(to: work) { work in
            parallelFor(segments, threads: threads) { body(work, Int64($0)) }
        }
    }

    /// The sums over the batch; probabilities go to `gradient`.
    func sums(
        logits: UnsafeBufferPointer<Float>, labels: UnsafeBufferPointer<UInt8>,
        gradient: UnsafeMutableBufferPointer<Float>
    ) -> LossSums {
        var parts = [Double](repeating: 0, count: segments * stride)
        var work = work(logits, labels, gradient)
        parts.withUnsafeMutableBufferPointer { parts in
            weights.withUnsafeBufferPointer { weights in
                work.sums = parts.baseAddress
                work.weights = weights.baseAddress
                run(work, shape[1] == 1 ? { CK_sigmoid_loss($0, $1) } : { CK_softmax_loss($0, $1) })
            }
        }
        return sums(of: parts)
    }

    /// The derivatives, from the probabilities that ``sums(logits:labels:gradient:)`` left in `gradient`.
    func writeGradient(
        _ sums: LossSums, logits: UnsafeBufferPointer<Float>, labels: UnsafeBufferPointer<UInt8>,
        gradient: UnsafeMutableBufferPointer<Float>
    ) {
        func share(_ term: LossTerm, of whole: Double) -> Float { has(term) && whole > 0 ? Float(1 / whole) : 0 }
        var work = work(logits, labels, gradient)
        work.cross_entropy = share(.crossEntropy, of: sums.weight)
        work.binary = share(.binaryCrossEntropy, of: Double(sums.value.pixels * shape[1]))
        work.focal = share(.focal, of: Double(sums.value.pixels))
        sums.dice.withUnsafeBufferPointer { dice in
            weights.withUnsafeBufferPointer { weights in
                work.dice = dice.baseAddress
                work.weights = weights.baseAddress
                run(work, shape[1] == 1 ? { CK_sigmoid_loss_gradient($0, $1) } : { CK_softmax_loss_gradient($0, $1) })
            }
        }
    }

    /// Adds the segments up in order and makes the terms.
    private func sums(of parts: [Double]) -> LossSums {
        let groups = max(1, shape[0] / imagesPerGroup)
        let perGroup = segments / groups
        var totals = [Double](repeating: 0, count: stride)
        var dice = DiceTerm(options, groups: groups, classes: classes)
        for group in 0..<groups {
            var own = [Double](repeating: 0, count: stride)
            for segment in group * perGroup..<(group + 1) * perGroup {
                for index in 0..<stride { own[index] += parts[segment * stride + index] }
            }
            for index in 0..<stride { totals[index] += own[index] }
            dice.add(group: group, Array(own[Int(CK_LOSS_CLASSES)...]))
        }
        func total(_ sum: Int) -> Double { totals[sum] }
        func mean(_ sum: Double, over whole: Double) -> Double { whole > 0 ? sum / whole : 0 }
        let pixels = total(CK_LOSS_PIXELS), weight = total(CK_LOSS_WEIGHTS)
        var terms: [LossTerm: Double] = [:]
        for term in options.terms {
            terms[term] =
                switch term {
                case .dice: dice.value
                case .crossEntropy: mean(total(CK_LOSS_CROSS_ENTROPY), over: weight)
                case .binaryCrossEntropy: mean(total(CK_LOSS_BINARY), over: pixels * Double(shape[1]))
                case .focal: mean(total(CK_LOSS_FOCAL), over: pixels)
                }
        }
        let value = LossValue(
            total: options.terms.reduce(0) { $0 + (terms[$1] ?? 0) }, terms: terms, pixels: Int(pixels))
        return LossSums(value: value, outside: Int(total(CK_LOSS_OUTSIDE)), weight: weight, dice: dice.slopes)
    }
}

/// The Dice term from its sums: 1 − mean of (2 Σ p t + s) / (Σ p² + Σ t + s), or of Σ p in place of Σ p².
private struct DiceTerm {
    /// Per group and class, the derivative by p: [0] t + [1] p + [2].
    private(set) var slopes: [Float]
    private let options: LossOptions
    private let classes: Int
    private let count: Double
    private var total = 0.0

    init(_ options: LossOptions, groups: Int, classes: Int) {
        self.options = options
        self.classes = classes
        let countsBackground = options.diceIncludesBackground
        count = Double(groups * (countsBackground ? classes : classes - 1))
        slopes = [Float](repeating: 0, count: groups * classes * 3)
    }

    var value: Double { 1 - total / count }

    /// Takes a group's three sums of every class.
    mutating func add(group: Int, _ sums: [Double]) {
        guard options.terms.contains(.dice) else { return }
        for index in (options.diceIncludesBackground ? 0 : 1)..<classes {
            let numerator = 2 * sums[3 * index] + options.diceSmoothing
            let denominator = sums[3 * index + 1] + sums[3 * index + 2] + options.diceSmoothing
            // Without smoothing, a class that is neither there nor predicted is right.
            guard denominator > 0 || denominator.isNaN else {
                total += 1
                continue
            }
            let dice = numerator / denominator
            total += dice
            let place = (group * classes + index) * 3
            slopes[place] = Float(-2 / (denominator * count))
            let slope = dice / (denominator * count)
            if options.diceSquaresProbabilities {
                slopes[place + 1] = Float(2 * slope)
            } else {
                slopes[place + 2] = Float(slope)
            }
        }
    }
}
