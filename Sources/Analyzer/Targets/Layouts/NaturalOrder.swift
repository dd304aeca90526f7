// The order people expect of numbered names: case2 before case10.

/// Compares names by their digits' values and their letters without case; equal ones byte by byte, so that the order
/// never depends on the input's.
func naturallyPrecedes(_ left: String, _ right: String) -> Bool {
    let (first, second) = (Array(left.utf8), Array(right.utf8))
    var (i, j) = (0, 0)
    while i < first.count, j < second.count {
        if isDigit(first[i]), isDigit(second[j]) {
            let (a, b) = (digitRun(first, &i), digitRun(second, &j))
            if a.count != b.count { return a.count < b.count }
            if a != b { return a.lexicographicallyPrecedes(b) }
        } else {
            let (a, b) = (lowered(first[i]), lowered(second[j]))
            if a != b { return a < b }
            i += 1
            j += 1
        }
    }
    if (i < first.count) != (j < second.count) { return j < second.count }
    return first.lexicographicallyPrecedes(second)
}

private func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

private func lowered(_ byte: UInt8) -> UInt8 { 0x41...0x5A ~= byte ? byte + 32 : byte }

/// The digits from `index` on without leading zeros; moves `index` behind them.
private func digitRun(_ bytes: [UInt8], _ index: inout Int) -> ArraySlice<UInt8> {
    let start = index
    while index < bytes.count, isDigit(bytes[index]) { index += 1 }
    return bytes[start..<index].drop { $0 == 0x30 }
}
