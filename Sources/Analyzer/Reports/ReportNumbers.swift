// Numbers as the report shows them.

/// Numbers for people; a minus sign is a minus sign here.
enum ReportNumbers {
    /// A number with a fixed count of decimals (at most 6); "–" for none.
    static func fixed(_ value: Double?, _ decimals: Int) -> String {
        guard let value, value.isFinite else { return "–" }
        guard abs(value) < 1e9 else { return "\(value)" }
        let scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
        let whole = Int((abs(value) * Double(scale)).rounded())
        let fraction = String(whole % scale)
        let zeros = String(repeating: "0", count: max(0, decimals - fraction.count))
        let sign = value < 0 && whole > 0 ? "−" : ""
        return "\(sign)\(grouped(whole / scale))" + (decimals > 0 ? ".\(zeros)\(fraction)" : "")
    }

    /// A share in percent, never rounded to a certainty that it is not.
    static func percent(_ share: Double?) -> String {
        guard let share, share.isFinite else { return "–" }
        if share > 0, share < 0.001 { return "< 0.1 %" }
        if share < 1, share > 0.999 { return "> 99.9 %" }
        return fixed(share * 100, share == 0 || share == 1 ? 0 : 1) + " %"
    }

    /// 1,234,567.
    static func grouped(_ count: Int) -> String {
        let digits = String(count.magnitude)
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return (count < 0 ? "−" : "") + result
    }

    /// 1 image, 2 images.
    static func counted(_ count: Int, _ noun: String) -> String { "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")" }

    /// 8.2 s, 3 min 20 s, 2 h 5 min.
    static func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "–" }
        if seconds < 59.95 { return fixed(seconds, 1) + " s" }
        let whole = Int(seconds.rounded())
        return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }

    /// 340 MB, 1.4 GB.
    static func bytes(_ count: Double?) -> String {
        guard let count, count.isFinite, count >= 0 else { return "–" }
        return count < 999.5e6 ? fixed(count / 1e6, 0) + " MB" : fixed(count / 1e9, 1) + " GB"
    }

    /// A list in words: "a, b and c".
    static func list(_ items: [String]) -> String {
        guard items.count > 1, let last = items.last else { return items.first ?? "" }
        return items.dropLast().joined(separator: ", ") + " and " + last
    }
}
