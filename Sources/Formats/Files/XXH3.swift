// XXH3-128 with seed 0, one function for each range of lengths, as xxHash's specification 0.2.0 divides them. Names
// follow that document.

/// The steps of XXH3-128. All reads are little-endian and within `bytes.count`, which each step's range guarantees.
enum XXH3 {
    typealias Raw = UnsafeRawBufferPointer

    private static let prime32x1: UInt64 = 0x9E37_79B1
    private static let prime32x2: UInt64 = 0x85EB_CA77
    private static let prime32x3: UInt64 = 0xC2B2_AE3D
    private static let prime64x1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime64x2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime64x3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime64x4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime64x5: UInt64 = 0x27D4_EB2F_1656_67C5
    private static let primeMX1: UInt64 = 0x1656_6791_9E37_79F9
    private static let primeMX2: UInt64 = 0x9FB2_1C65_1E98_DF25

    /// The default secret, 192 bytes.
    static let secret: [UInt8] = [
        0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
        0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
        0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
        0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
        0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
        0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
        0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
        0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
        0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
        0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
        0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
        0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
    ]

    // MARK: Short inputs

    static func empty(_ secret: Raw) -> ContentHash {
        ContentHash(
            high: avalancheXXH64(word(secret, 80) ^ word(secret, 88)),
            low: avalancheXXH64(word(secret, 64) ^ word(secret, 72)))
    }

    static func upTo3(_ bytes: Raw, _ secret: Raw) -> ContentHash {
        let count = bytes.count
        let combined =
            UInt32(bytes[count - 1]) | UInt32(count) << 8 | UInt32(bytes[0]) << 16 | UInt32(bytes[count / 2]) << 24
        let swapped = combined.byteSwapped
        let rotated = swapped << 13 | swapped >> 19
        return ContentHash(
            high: avalancheXXH64(UInt64(half(secret, 8) ^ half(secret, 12)) ^ UInt64(rotated)),
            low: avalancheXXH64(UInt64(half(secret, 0) ^ half(secret, 4)) ^ UInt64(combined)))
    }

    static func upTo8(_ bytes: Raw, _ secret: Raw) -> ContentHash {
        let combined = UInt64(half(bytes, 0)) | UInt64(half(bytes, bytes.count - 4)) << 32
        let value = (word(secret, 16) ^ word(secret, 24)) ^ combined
        let product = value.multipliedFullWidth(by: prime64x1 &+ UInt64(bytes.count) << 2)
        let high = product.high &+ product.low << 1
        var low = product.low ^ high >> 3
        low = (low ^ low >> 35) &* primeMX2
        low ^= low >> 28
        return ContentHash(high: avalanche(high), low: low)
    }

    static func upTo16(_ bytes: Raw, _ secret: Raw) -> ContentHash {
        let first = word(bytes, 0)
        let last = word(bytes, bytes.count - 8)
        let one = word(secret, 32) ^ word(secret, 40) ^ first ^ last
        let two = word(secret, 48) ^ word(secret, 56) ^ last
        let product = one.multipliedFullWidth(by: prime64x1)
        var low = product.low &+ UInt64(bytes.count - 1) << 54
        var high = product.high &+ (two >> 32) << 32 &+ (two & 0xFFFF_FFFF) &* prime32x2
        low ^= high.byteSwapped
        let second = low.multipliedFullWidth(by: prime64x2)
        low = second.low
        high = second.high &+ high &* prime64x2
        return ContentHash(high: avalanche(high), low: avalanche(low))
    }

    // MARK: Medium inputs

    static func upTo240(_ bytes: Raw, _ secret: Raw) -> ContentHash {
        let count = bytes.count
        var mix = Mixer(bytes: bytes, secret: secret, count: count)
        if count <= 128 {
            for round in stride(from: (count - 1) / 32, through: 0, by: -1) {
                mix.twoChunks(round * 16, count - round * 16 - 16, secretOffset: round * 32, seed: 0)
            }
        } else {
            for chunk in 0..<4 { mix.twoChunks(chunk * 32, chunk * 32 + 16, secretOffset: chunk * 32, seed: 0) }
            mix.low = avalanche(mix.low)
            mix.high = avalanche(mix.high)
            for chunk in 4..<count / 32 {
                mix.twoChunks(chunk * 32, chunk * 32 + 16, secretOffset: (chunk - 4) * 32 + 3, seed: 0)
            }
            mix.twoChunks(count - 16, count - 32, secretOffset: 103, seed: 0)
        }
        let high = mix.low &* prime64x1 &+ mix.high &* prime64x4 &+ UInt64(count) &* prime64x2
        return ContentHash(high: 0 &- avalanche(high), low: avalanche(mix.low &+ mix.high))
    }

    /// The two accumulators of medium inputs.
    private struct Mixer {
        let bytes: Raw
        let secret: Raw
        var low: UInt64
        var high: UInt64 = 0

        init(bytes: Raw, secret: Raw, count: Int) {
            self.bytes = bytes
            self.secret = secret
            low = UInt64(count) &* prime64x1
        }

        mutating func twoChunks(_ first: Int, _ second: Int, secretOffset: Int, seed: UInt64) {
            low = low &+ step(first, secretOffset)
            high = high &+ step(second, secretOffset + 16)
            low ^= word(bytes, second) &+ word(bytes, second + 8)
            high ^= word(bytes, first) &+ word(bytes, first + 8)
        }

        private func step(_ offset: Int, _ secretOffset: Int) -> UInt64 {
            let product = (word(bytes, offset) ^ word(secret, secretOffset))
                .multipliedFullWidth(by: word(bytes, offset + 8) ^ word(secret, secretOffset + 8))
            return product.low ^ product.high
        }
    }

    // MARK: Long inputs

    static func long(_ bytes: Raw, _ secret: Raw) -> ContentHash {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 8) { lanes in
            _ = lanes.initialize(from: [
                prime32x3, prime64x1, prime64x2, prime64x3, prime64x4, prime32x2, prime64x5, prime32x1,
            ])
            let blockSize = 1024
            let fullBlocks = (bytes.count - 1) / blockSize
            for block in 0..<fullBlocks {
                for stripe in 0..<16 { accumulate(bytes, block * blockSize + stripe * 64, secret, stripe * 8, lanes) }
                scramble(secret, lanes)
            }
            let start = fullBlocks * blockSize
            for stripe in 0..<(bytes.count - start - 1) / 64 {
                accumulate(bytes, start + stripe * 64, secret, stripe * 8, lanes)
            }
            accumulate(bytes, bytes.count - 64, secret, 192 - 71, lanes)
            let count = UInt64(bytes.count)
            return ContentHash(
                high: merge(~(count &* prime64x2), secret, 192 - 75, lanes),
                low: merge(count &* prime64x1, secret, 11, lanes))
        }
    }

    @inline(__always)
    private static func accumulate(
        _ bytes: Raw, _ offset: Int, _ secret: Raw, _ secretOffset: Int, _ lanes: UnsafeMutableBufferPointer<UInt64>
    ) {
        for pair in stride(from: 0, to: 8, by: 2) {
            let even = word(bytes, offset &+ pair &* 8)
            let odd = word(bytes, offset &+ pair &* 8 &+ 8)
            let evenValue = even ^ word(secret, secretOffset &+ pair &* 8)
            let oddValue = odd ^ word(secret, secretOffset &+ pair &* 8 &+ 8)
            lanes[pair] = lanes[pair] &+ odd &+ (evenValue & 0xFFFF_FFFF) &* (evenValue >> 32)
            lanes[pair &+ 1] = lanes[pair &+ 1] &+ even &+ (oddValue & 0xFFFF_FFFF) &* (oddValue >> 32)
        }
    }

    @inline(__always)
    private static func scramble(_ secret: Raw, _ lanes: UnsafeMutableBufferPointer<UInt64>) {
        for lane in 0..<8 {
            var value = lanes[lane]
            value ^= value >> 47
            value ^= word(secret, 128 + lane * 8)
            lanes[lane] = value &* prime32x1
        }
    }

    private static func merge(
        _ start: UInt64, _ secret: Raw, _ secretOffset: Int, _ lanes: UnsafeMutableBufferPointer<UInt64>
    ) -> UInt64 {
        var result = start
        for pair in 0..<4 {
            let product = (lanes[pair * 2] ^ word(secret, secretOffset + pair * 16))
                .multipliedFullWidth(by: lanes[pair * 2 + 1] ^ word(secret, secretOffset + pair * 16 + 8))
            result = result &+ (product.low ^ product.high)
        }
        return avalanche(result)
    }

    // MARK: Common steps

    private static func avalanche(_ value: UInt64) -> UInt64 {
        let mixed = (value ^ value >> 37) &* primeMX1
        return mixed ^ mixed >> 32
    }

    private static func avalancheXXH64(_ value: UInt64) -> UInt64 {
        var mixed = (value ^ value >> 33) &* prime64x2
        mixed = (mixed ^ mixed >> 29) &* prime64x3
        return mixed ^ mixed >> 32
    }

    @inline(__always)
    private static func word(_ bytes: Raw, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(__always)
    private static func half(_ bytes: Raw, _ offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
