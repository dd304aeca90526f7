// One number per checkpoint from the scores under several settings.

/// Combines scores under several settings, on scales fixed by the scores themselves; see ``Recommendation``.
struct CombinedScore {
    /// What each setting's scores are divided by: their standard deviation over the checkpoints, 0 for a constant curve.
    private let spreads: [Double]

    /// Takes the scales from the scores: [checkpoint][setting].
    init(_ values: [[Double]]) {
        spreads = (0..<(values.first?.count ?? 0)).map { setting in
            let column = values.map { $0[setting] }
            let mean = column.reduce(0, +) / Double(column.count)
            let squares = column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            return (squares / Double(max(1, column.count - 1))).squareRoot()
        }
    }

    /// The mean rank over the settings, or the score itself for one setting.
    func combined(_ values: [[Double]]) -> [Double] {
        if spreads.count == 1 { return values.map { $0[0] } }
        let ranks = spreads.indices.map { setting in averageRanks(values.map { $0[setting] }) }
        return values.indices.map { checkpoint in
            ranks.reduce(0) { $0 + $1[checkpoint] } / Double(max(1, ranks.count))
        }
    }

    /// The mean over the settings of the scores in units of their spread; settings without spread are left out.
    func scaledMeans(_ values: [[Double]]) -> [Double] {
        values.map { row in
            let scaled = zip(row, spreads).reduce(0) { $0 + ($1.1 > 0 ? $1.0 / $1.1 : 0) }
            return scaled / Double(max(1, spreads.count))
        }
    }
}

/// The share of replicates in which each checkpoint has the lowest value; ties are split. Without replicates all of it
/// goes to the lowest estimate.
func sharesFirst(_ replicates: [[Double]], of estimates: [Double]) -> [Double] {
    var shares = [Double](repeating: 0, count: estimates.count)
    let rows = replicates.isEmpty ? [estimates] : replicates
    for values in rows {
        guard let least = values.min() else { continue }
        let first = values.indices.filter { values[$0] == least }
        for checkpoint in first { shares[checkpoint] += 1 / Double(first.count) }
    }
    return shares.map { $0 / Double(rows.count) }
}
