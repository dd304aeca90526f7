// One chunk of a tile of vector pairs: the arithmetic that PairSums spends its time in.

/// Four running sums that the compiler keeps in one register.
private struct Lanes {
    var sum0: Float = 0, sum1: Float = 0, sum2: Float = 0, sum3: Float = 0

    @inline(__always)
    mutating func addProducts(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>) {
        sum0 += left[0] * right[0]
        sum1 += left[1] * right[1]
        sum2 += left[2] * right[2]
        sum3 += left[3] * right[3]
    }

    @inline(__always)
    mutating func addProducts(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ leftShift: Float, _ rightShift: Float
    ) {
        sum0 += (left[0] - leftShift) * (right[0] - rightShift)
        sum1 += (left[1] - leftShift) * (right[1] - rightShift)
        sum2 += (left[2] - leftShift) * (right[2] - rightShift)
        sum3 += (left[3] - leftShift) * (right[3] - rightShift)
    }

    @inline(__always)
    mutating func addSquaredDifferences(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>) {
        let (part0, part1) = (left[0] - right[0], left[1] - right[1])
        let (part2, part3) = (left[2] - right[2], left[3] - right[3])
        sum0 += part0 * part0
        sum1 += part1 * part1
        sum2 += part2 * part2
        sum3 += part3 * part3
    }

    var total: Double { (Double(sum0) + Double(sum1)) + (Double(sum2) + Double(sum3)) }
}

/// Two rows against two columns over `count` entries; a narrower tile repeats its row or column.
struct Block {
    let left0: UnsafePointer<Float>
    let left1: UnsafePointer<Float>
    let right0: UnsafePointer<Float>
    let right1: UnsafePointer<Float>
    let count: Int

    private var whole: Int { count & ~3 }

    func products() -> SIMD4<Double> {
        var (lanes00, lanes01, lanes10, lanes11) = (Lanes(), Lanes(), Lanes(), Lanes())
        var entry = 0
        while entry < whole {
            lanes00.addProducts(left0 + entry, right0 + entry)
            lanes01.addProducts(left0 + entry, right1 + entry)
            lanes10.addProducts(left1 + entry, right0 + entry)
            lanes11.addProducts(left1 + entry, right1 + entry)
            entry += 4
        }
        return SIMD4(lanes00.total, lanes01.total, lanes10.total, lanes11.total)
            + rest { Double($0 * $1) }
    }

    func squaredDifferences() -> SIMD4<Double> {
        var (lanes00, lanes01, lanes10, lanes11) = (Lanes(), Lanes(), Lanes(), Lanes())
        var entry = 0
        while entry < whole {
            lanes00.addSquaredDifferences(left0 + entry, right0 + entry)
            lanes01.addSquaredDifferences(left0 + entry, right1 + entry)
            lanes10.addSquaredDifferences(left1 + entry, right0 + entry)
            lanes11.addSquaredDifferences(left1 + entry, right1 + entry)
            entry += 4
        }
        return SIMD4(lanes00.total, lanes01.total, lanes10.total, lanes11.total)
            + rest { Double(($0 - $1) * ($0 - $1)) }
    }

    /// The same sums as ``products()`` for a tile that is not full.
    func product(_ tile: PairTile) -> SIMD4<Double> {
        let sums = each(tile) { left, right in
            var lanes = Lanes()
            var entry = 0
            while entry < whole {
                lanes.addProducts(left + entry, right + entry)
                entry += 4
            }
            return lanes.total
        }
        return sums + rest { Double($0 * $1) }
    }

    /// The same sums as ``squaredDifferences()`` for a tile that is not full.
    func squaredDifference(_ tile: PairTile) -> SIMD4<Double> {
        let sums = each(tile) { left, right in
            var lanes = Lanes()
            var entry = 0
            while entry < whole {
                lanes.addSquaredDifferences(left + entry, right + entry)
                entry += 4
            }
            return lanes.total
        }
        return sums + rest { Double(($0 - $1) * ($0 - $1)) }
    }

    /// Products after the shifts (left0, left1, right0, right1) were subtracted.
    func shiftedProducts(_ shifts: SIMD4<Float>, _ tile: PairTile) -> SIMD4<Double> {
        var result = SIMD4<Double>.zero
        for (place, pair) in [(0, 2), (0, 3), (1, 2), (1, 3)].enumerated() {
            guard pair.0 < tile.rows, pair.1 - 2 < tile.columns else { continue }
            let (left, right) = (pair.0 == 0 ? left0 : left1, pair.1 == 2 ? right0 : right1)
            let (leftShift, rightShift) = (shifts[pair.0], shifts[pair.1])
            var lanes = Lanes()
            var entry = 0
            while entry < whole {
                lanes.addProducts(left + entry, right + entry, leftShift, rightShift)
                entry += 4
            }
            var total = lanes.total
            for entry in whole..<count { total += Double((left[entry] - leftShift) * (right[entry] - rightShift)) }
            result[place] = total
        }
        return result
    }

    @inline(__always)
    private func each(
        _ tile: PairTile, _ sum: (UnsafePointer<Float>, UnsafePointer<Float>) -> Double
    ) -> SIMD4<Double> {
        SIMD4(
            sum(left0, right0), tile.columns == 2 ? sum(left0, right1) : 0, tile.rows == 2 ? sum(left1, right0) : 0, 0)
    }

    /// The last entries, fewer than four, in float64.
    @inline(__always)
    private func rest(_ term: (Float, Float) -> Double) -> SIMD4<Double> {
        var sums = SIMD4<Double>.zero
        for entry in whole..<count {
            sums += SIMD4(
                term(left0[entry], right0[entry]), term(left0[entry], right1[entry]),
                term(left1[entry], right0[entry]), term(left1[entry], right1[entry]))
        }
        return sums
    }
}
