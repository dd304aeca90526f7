// The distinct values of a case's masks: each gets a number of one byte, so that maps stay small before the classes are
// known.

/// Numbers the values of label maps in the order in which they are first seen; number 0 is kept for the border that
/// padding adds.
struct ValueNumbers: Sendable, Hashable {
    /// Most values of one case.
    static let limit = 254
    /// The value of each number from 1 on.
    private(set) var values: [Int32] = []
    /// The numbers of 0…255, 0 where unknown.
    private var small = [UInt8](repeating: 0, count: 256)
    private var others: [Int32: UInt8] = [:]

    /// The numbers of a map and how many pixels each has, by number; nil when there are more than ``limit`` values.
    mutating func number(_ map: [Int32]) -> (numbers: [UInt8], counts: [Int])? {
        var counts = [Int](repeating: 0, count: 256)
        var isComplete = true
        let numbers = [UInt8](unsafeUninitializedCapacity: map.count) { buffer, count in
            var last: (value: Int32, number: UInt8) = (0, 0)
            for (index, value) in map.enumerated() {
                if value != last.value || last.number == 0 {
                    guard let number = number(of: value) else {
                        isComplete = false
                        break
                    }
                    last = (value, number)
                }
                buffer.initializeElement(at: index, to: last.number)
                counts[Int(last.number)] += 1
                count = index + 1
            }
        }
        return isComplete ? (numbers, counts) : nil
    }

    private mutating func number(of value: Int32) -> UInt8? {
        let known = 0...255 ~= value ? small[Int(value)] : others[value] ?? 0
        if known > 0 { return known }
        guard values.count < Self.limit else { return nil }
        values.append(value)
        let number = UInt8(values.count)
        if 0...255 ~= value { small[Int(value)] = number } else { others[value] = number }
        return number
    }

    /// The class of each number, the border being background; nil where the scheme lacks the value.
    func classes(in scheme: LabelScheme) -> [UInt8?] { [0] + values.map { scheme.index(of: $0) } }
}
