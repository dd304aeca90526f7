// From a group's distances to one loss per image, and to each image's influence on the mean.
//
// A loss compares an image with others, so an image moves the mean twice: through its own loss and through those of the
// images that have it as a negative. The spread of the losses alone would miss the second part. So next to its loss each
// image gets its influence, the jackknife's: (number of images) × (the mean with it − the mean without it), up to a
// constant. The standard error of the score is that of the mean of the influences, and a bootstrap resamples them.
// (Efron & Stein 1981; for hinge losses over all negatives the influence is the Hájek projection of a U-statistic.)

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// One draw's losses of a group's members, with their influences.
struct GroupLosses {
    /// The loss of each member; not a number for members without negatives.
    var losses: [Double]
    /// How much each member moves the mean, up to a constant.
    var influences: [Double]

    init(_ setting: ScoreSetting, _ table: DistanceTable, _ layout: GroupLayout) {
        losses = [Double](repeating: .nan, count: layout.members.count)
        influences = losses
        switch (setting.loss, setting.negatives) {
        case (.hinge(let margin), .paper): fillPaperHinge(margin, table, layout)
        case (.hinge(let margin), .all): fillHinge(margin, table, layout)
        case (.infonce(let temperature), _): fillContrastive(temperature, table, layout)
        }
    }

    /// The paper's hinge. The members of a pair share both losses, so the pair is what varies: with the influence
    /// (xᵢ + xⱼ)/√2 each member carries half of the pair's variance.
    private mutating func fillPaperHinge(_ margin: Double, _ table: DistanceTable, _ layout: GroupLayout) {
        for member in losses.indices {
            losses[member] = hinge(table.positives[member] - table.paperNegatives[member] + margin)
        }
        for member in losses.indices {
            let partner = layout.partners[member]
            influences[member] =
                partner == member ? losses[member] : (losses[member] + losses[partner]) * 0.5.squareRoot()
        }
    }

    /// The mean of the hinge over all allowed negatives.
    private mutating func fillHinge(_ margin: Double, _ table: DistanceTable, _ layout: GroupLayout) {
        let count = losses.count
        var roles = [Double](repeating: 0, count: count)
        for member in losses.indices where !layout.others[member].isEmpty {
            let others = layout.others[member]
            let terms = others.map { hinge(table.positives[member] - table.cross[member * count + $0] + margin) }
            let mean = terms.reduce(0, +) / Double(others.count)
            losses[member] = mean
            guard others.count > 1 else { continue }
            for (other, term) in zip(others, terms) { roles[other] += (term - mean) / Double(others.count - 1) }
        }
        for member in losses.indices { influences[member] = losses[member] + roles[member] }
    }

    /// NT-Xent: each view against the image's other view and both views of every allowed other image.
    private mutating func fillContrastive(_ temperature: Double, _ table: DistanceTable, _ layout: GroupLayout) {
        let count = losses.count
        var roles = [Double](repeating: 0, count: count)
        for member in losses.indices where !layout.others[member].isEmpty {
            var loss = 0.0
            for view in 0..<2 {
                // Each negative's logit against the positive's 0.
                let logits = layout.others[member].map { other in
                    let across = view == 0 ? member * count + other : other * count + member
                    return (
                        (table.positives[member] - table.cross[across]) / temperature,
                        (table.positives[member] - table.within[view][member * count + other]) / temperature
                    )
                }
                let largest = logits.reduce(0.0) { max($0, $1.0, $1.1) }
                let weights = logits.map { exp($0.0 - largest) + exp($0.1 - largest) }
                let total = weights.reduce(exp(-largest), +)
                loss += (largest + log(total)) / 2
                for (other, weight) in zip(layout.others[member], weights) {
                    roles[other] -= log1p(-min(weight / total, 1 - 1e-12)) / 2
                }
            }
            losses[member] = loss
        }
        for member in losses.indices { influences[member] = losses[member] + roles[member] }
    }
}

/// max(0, value), and not a number for not a number.
@inline(__always)
private func hinge(_ value: Double) -> Double { value < 0 ? 0 : value }
