// Random numbers that belong to a name, the same on every machine and in any order of asking.

/// Numbers that depend on a seed and a name: the SplitMix64 generator (Steele, Lea and Flood 2014).
struct NamedRandom {
    private var state: UInt64

    /// Numbers for a name: FNV-1a of the name, 64 bits, with the seed.
    init(seed: UInt64, name: String) {
        state = seed ^ name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in 0..<1, 24 bits.
    mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

    /// Nearly normal: the sum of 12 uniform numbers less 6 (exact arithmetic order, no library function).
    mutating func normal() -> Float {
        var sum: Float = -6
        for _ in 0..<6 {
            let bits = next()
            sum += Float(bits >> 40) * 0x1p-24 + Float(bits & 0xFF_FFFF) * 0x1p-24
        }
        return sum
    }
}
