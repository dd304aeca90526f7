// Ranks, rank correlation and quantiles.

/// The rank of each value, 1 for the smallest; equal values share the mean of their ranks.
func averageRanks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
        var end = start
        while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
        for position in start..<end { ranks[order[position]] = Double(start + end + 1) / 2 }
        start = end
    }
    return ranks
}

/// Spearman's rank correlation; nil for fewer than three values or a constant list.
func spearman(_ first: [Double], _ second: [Double]) -> Double? {
    guard first.count == second.count, first.count >= 3 else { return nil }
    let (left, right) = (averageRanks(first), averageRanks(second))
    let mean = Double(first.count + 1) / 2
    var (cross, leftSquares, rightSquares) = (0.0, 0.0, 0.0)
    for (left, right) in zip(left, right) {
        cross += (left - mean) * (right - mean)
        leftSquares += (left - mean) * (left - mean)
        rightSquares += (right - mean) * (right - mean)
    }
    guard leftSquares > 0, rightSquares > 0 else { return nil }
    return cross / (leftSquares * rightSquares).squareRoot()
}

/// The smallest value that at least `share` of the values do not exceed; 0 for none.
func quantile(_ values: [Double], _ share: Double) -> Double {
    guard !values.isEmpty else { return 0 }
    let position = Int((share * Double(values.count)).rounded(.up)) - 1
    return values.sorted()[min(values.count - 1, max(0, position))]
}
