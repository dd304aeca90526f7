// Numbers as people read them.

import Glibc

/// A number with a fixed count of decimals.
func fixed(_ value: Double, _ decimals: Int) -> String { formatted("%.*f", decimals, value) }

/// A number with so many significant digits and no zeros behind them; whole numbers are never cut, and only what is tiny
/// or beyond fifteen digits gets an exponent.
func significant(_ value: Double, _ digits: Int) -> String {
    let size = abs(value)
    return size < 1e15 && size >= pow(10, Double(digits)) ? fixed(value, 0) : formatted("%.*g", digits, value)
}

private func formatted(_ format: String, _ precision: Int, _ value: Double) -> String {
    withVaList([Int32(clamping: precision), value]) { arguments in
        // Room for the longest double in %f: 309 digits before the point.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            vsnprintf(base, buffer.count, format, arguments)
            return String(cString: base)
        }
    }
}

/// A count with a thin separator between thousands: 1,234,567.
func grouped(_ count: Int) -> String {
    let digits = String(count.magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0 { result.append(",") }
        result.append(digit)
    }
    return (count < 0 ? "-" : "") + result
}

/// A size in decimal units: 512 B, 1.4 MB.
func byteSize(_ count: Int) -> String {
    guard count >= 1000 else { return "\(count) B" }
    var value = Double(count)
    var unit = 0
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    // 999.95 would print as 1000.0.
    while value >= 999.95, unit < units.count - 1 {
        value /= 1000
        unit += 1
    }
    return "\(fixed(value, value < 99.95 ? 1 : 0)) \(units[unit])"
}

/// A span of time: 8 s, 3 min 20 s, 2 h 05 min.
func duration(seconds: Double) -> String {
    let whole = Int(max(0, seconds).rounded())
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3600: return "\(whole / 60) min \(whole % 60) s"
    default: return "\(whole / 3600) h \(whole / 60 % 60 < 10 ? "0" : "")\(whole / 60 % 60) min"
    }
}

/// A count with its noun: 1 tensor, 20 tensors.
func counted(_ count: Int, _ singular: String, _ plural: String? = nil) -> String {
    "\(grouped(count)) \(count == 1 ? singular : plural ?? singular + "s")"
}
