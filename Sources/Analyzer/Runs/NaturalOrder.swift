// Ordering names the way people do: epoch_9 before epoch_10.

/// Whether `left` comes before `right` when runs of digits count as numbers.
func naturallyPrecedes(_ left: String, _ right: String) -> Bool {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    var (leftPlace, rightPlace) = (0, 0)
    while leftPlace < left.count, rightPlace < right.count {
        if isDigit(left[leftPlace]), isDigit(right[rightPlace]) {
            let leftRun = digits(left, from: &leftPlace)
            let rightRun = digits(right, from: &rightPlace)
            if leftRun.count != rightRun.count { return leftRun.count < rightRun.count }
            if leftRun != rightRun { return leftRun.lexicographicallyPrecedes(rightRun) }
        } else {
            if left[leftPlace] != right[rightPlace] { return left[leftPlace] < right[rightPlace] }
            leftPlace += 1
            rightPlace += 1
        }
    }
    if left.count - leftPlace != right.count - rightPlace { return left.count - leftPlace < right.count - rightPlace }
    // Equal but for leading zeros: some order, always the same.
    return left.lexicographicallyPrecedes(right)
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

/// The digits at `place` without leading zeros; moves `place` behind them.
private func digits(_ text: [UInt8], from place: inout Int) -> ArraySlice<UInt8> {
    let start = place
    while place < text.count, isDigit(text[place]) { place += 1 }
    return text[start..<place].drop { $0 == 0x30 }
}
