// The vertical axis of a drawing: a range with round numbers on it.

/// A vertical axis with round numbers.
struct PlotScale {
    private let low: Double
    private let high: Double
    let top: Double
    private let height: Double
    private let step: Double

    /// Covers values with their errors; nil for none.
    init?(_ values: [(value: Double, error: Double)], top: Double, height: Double) {
        let ends = values.flatMap { value, error in
            let error = error.isFinite ? error : 0
            return [value - error, value + error]
        }.filter(\.isFinite)
        guard var low = ends.min(), var high = ends.max(), (high - low).isFinite else { return nil }
        if high <= low {
            let room = max(abs(low) * 0.1, 1e-6)
            (low, high) = (low - room, high + room)
        }
        step = Self.roundStep((high - low) / 4)
        self.low = low - (high - low) * 0.06
        self.high = high + (high - low) * 0.06
        self.top = top
        self.height = height
    }

    /// Where a value lies in the drawing.
    func y(_ value: Double) -> Double { top + height * (high - value) / (high - low) }

    /// Where a value is that has no place on the axis.
    enum Side { case above, below }

    /// On which side of the axis a value lies; nil for within.
    func side(of value: Double) -> Side? { value > high ? .above : value < low ? .below : nil }

    /// Multiples of the step within the axis.
    var ticks: [Double] {
        let first = (low / step).rounded(.up)
        let last = (high / step).rounded(.down)
        return stride(from: first, through: last, by: 1).prefix(12).map { $0 * step }
    }

    /// A tick's number, with as many decimals as every other.
    func label(_ tick: Double) -> String {
        var decimals = 0
        var unit = step
        while unit < 0.999, decimals < 9 {
            unit *= 10
            decimals += 1
        }
        let text = PlotText.rounded(abs(tick) < step / 2 ? 0 : tick, decimals)
        guard decimals > 0, !text.contains("e") else { return text }
        let parts = text.split(separator: ".")
        let fraction = parts.count > 1 ? parts[1] : ""
        return parts[0] + "." + fraction + String(repeating: "0", count: max(0, decimals - fraction.count))
    }

    /// Grid lines and their numbers.
    func grid(left: Double, right: Double) -> [String] {
        ticks.flatMap { tick in
            let y = PlotText.number(y(tick))
            return [
                "<line class=\"grid\" x1=\"\(PlotText.number(left))\" x2=\"\(PlotText.number(right))\" y1=\"\(y)\" y2=\"\(y)\"/>",
                "<text class=\"tick\" x=\"\(PlotText.number(left - 8))\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\">"
                    + "\(label(tick))</text>",
            ]
        }
    }

    /// 1, 2 or 5 times a power of ten, at or above `least`.
    private static func roundStep(_ least: Double) -> Double {
        var power = 1e-12
        while power < 1e12 {
            for factor in [1.0, 2, 5] where factor * power >= least { return factor * power }
            power *= 10
        }
        return least
    }
}
