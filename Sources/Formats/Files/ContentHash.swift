// A fast, stable fingerprint of file contents: XXH3-128 (xxHash specification 0.2.0, seed 0, default secret).
// `xxhsum -H128 FILE` prints the same digits. It names contents in caches; it is no defence against forgery.

/// The 128-bit XXH3 hash of some bytes.
public struct ContentHash: Sendable, Hashable {
    /// The upper 64 bits.
    public let high: UInt64
    /// The lower 64 bits.
    public let low: UInt64

    /// Wraps the two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Hashes bytes.
    public init(_ bytes: Bytes) { self = bytes.withUnsafeBytes { ContentHash(of: $0) } }

    /// Hashes a text's UTF-8.
    public init(_ text: String) {
        self = Array(text.utf8).withUnsafeBytes { ContentHash(of: $0) }
    }

    /// Maps a file and hashes all of it.
    ///
    /// - Throws: ``FormatError`` with `.system` when the file cannot be read.
    public init(file path: String) throws(FormatError) { self.init(try Bytes(mapping: path)) }

    /// Reads 32 hexadecimal digits back; nil for anything else.
    public init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 32, digits.allSatisfy({ Self.value(ofDigit: $0) != nil }) else { return nil }
        func word(_ range: Range<Int>) -> UInt64 {
            digits[range].reduce(0) { $0 << 4 | UInt64(Self.value(ofDigit: $1) ?? 0) }
        }
        self.init(high: word(0..<16), low: word(16..<32))
    }

    /// 32 lower-case hexadecimal digits, most significant first (the canonical form).
    public var hexadecimal: String {
        [high, low].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    private static func value(ofDigit digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x61 + 10
        case 0x41...0x46: digit - 0x41 + 10
        default: nil
        }
    }
}

extension ContentHash: CustomStringConvertible {
    /// The hexadecimal form.
    public var description: String { hexadecimal }
}

extension ContentHash {
    /// Hashes lent bytes.
    public init(of bytes: UnsafeRawBufferPointer) {
        self = XXH3.secret.withUnsafeBytes { secret in
            switch bytes.count {
            case 0: XXH3.empty(secret)
            case 1...3: XXH3.upTo3(bytes, secret)
            case 4...8: XXH3.upTo8(bytes, secret)
            case 9...16: XXH3.upTo16(bytes, secret)
            case 17...240: XXH3.upTo240(bytes, secret)
            default: XXH3.long(bytes, secret)
            }
        }
    }
}
