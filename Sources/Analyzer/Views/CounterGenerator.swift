// Random numbers that depend on what they are for, never on who asks first: Philox4x32-10.
//
// J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// A counter-based generator is a keyed bijection of a 128-bit counter. Putting (image, draw, view) into the counter gives
// every view its own numbers, whatever the thread, the machine or the order of the files.

/// Philox4x32 with ten rounds: a 128-bit counter and a 64-bit key give 128 random bits.
enum Philox4x32 {
    typealias Block = SIMD4<UInt32>

    /// The random block of `counter` under `key`.
    static func block(_ counter: Block, key: UInt64) -> Block {
        var (x0, x1, x2, x3) = (counter[0], counter[1], counter[2], counter[3])
        var key0 = UInt32(truncatingIfNeeded: key)
        var key1 = UInt32(truncatingIfNeeded: key >> 32)
        for _ in 0..<10 {
            let left = x0.multipliedFullWidth(by: 0xD251_1F53)
            let right = x2.multipliedFullWidth(by: 0xCD9E_8D57)
            (x0, x1, x2, x3) = (right.high ^ x1 ^ key0, right.low, left.high ^ x3 ^ key1, left.low)
            key0 &+= 0x9E37_79B9
            key1 &+= 0xBB67_AE85
        }
        return Block(x0, x1, x2, x3)
    }
}

/// A stream of random numbers addressed by a seed, a purpose and a place; equal addresses give equal numbers.
struct CounterGenerator {
    /// What the numbers are for; streams of different purposes never meet.
    enum Purpose: UInt8 {
        case jitter = 1, grouping = 2, bootstrap = 3, augmentation = 4, epochOrder = 5, splitting = 6, dropPath = 7
    }

    private let key: UInt64
    private let place: UInt64
    private let index: UInt32
    private let purpose: UInt32
    private var blockNumber: UInt32 = 0
    private var block = Philox4x32.Block()
    private var wordsLeft = 0

    /// Opens the stream.
    ///
    /// - Parameters:
    ///   - place: which image, unit or replicate.
    ///   - index: which draw.
    ///   - view: which view of the draw.
    init(seed: UInt64, purpose: Purpose, place: UInt64, index: Int = 0, view: Int = 0) {
        key = seed
        self.place = place
        self.index = UInt32(truncatingIfNeeded: index)
        self.purpose = UInt32(purpose.rawValue) << 28 | UInt32(truncatingIfNeeded: view & 0xF) << 24
    }

    /// The next 32 random bits. A stream holds 2²⁶ of them.
    mutating func nextWord() -> UInt32 {
        if wordsLeft == 0 {
            let counter = Philox4x32.Block(
                UInt32(truncatingIfNeeded: place), UInt32(truncatingIfNeeded: place >> 32), index,
                purpose | (blockNumber & 0xFF_FFFF))
            block = Philox4x32.block(counter, key: key)
            blockNumber &+= 1
            wordsLeft = 4
        }
        wordsLeft -= 1
        return block[3 - wordsLeft]
    }

    /// A number in [0, 1) with 53 random bits.
    mutating func nextUnit() -> Double {
        let high = UInt64(nextWord())
        let low = UInt64(nextWord())
        return Double((high << 32 | low) >> 11) * 0x1p-53
    }

    /// A number in `range`, uniform.
    mutating func next(in range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * nextUnit()
    }

    /// An integer in `0..<bound`, without bias (Lemire's multiplication with rejection).
    ///
    /// - Precondition: `bound` lies in 1…2³²−1.
    mutating func next(below bound: Int) -> Int {
        let bound = UInt32(bound)
        var product = nextWord().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = nextWord().multipliedFullWidth(by: bound) }
        }
        return Int(product.high)
    }

    /// A random permutation of `0..<count` (Fisher–Yates).
    mutating func permutation(of count: Int) -> [Int] {
        var order = Array(0..<count)
        for position in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(position, next(below: position + 1))
        }
        return order
    }
}
