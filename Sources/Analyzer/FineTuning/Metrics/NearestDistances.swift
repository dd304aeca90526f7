// Exact Euclidean distances to the nearest voxel of a set, in time linear in the number of voxels.

import Engine

/// The distance from each query voxel to the nearest seed voxel, the queries in row-major order.
///
/// The squared distance is built axis by axis: along z by counting steps, along y and x by lower envelopes of parabolas
/// (Felzenszwalb and Huttenlocher 2012), for any spacing of the axes. Rows and planes without queries are passed over.
///
/// - Parameters:
///   - queries: 1 at the voxels whose distance is asked for, else 0; row-major over `size`.
///   - queryCount: how many there are.
///   - seeds: 1 at the voxels of the set, at least one.
///   - spacing: the distance between neighbours along z, y, x; above 0 and finite.
///   - threads: how many may work; never changes the values.
func nearestDistances(
    from queries: [UInt8], count queryCount: Int, to seeds: [UInt8], _ size: GridSize, spacing: SIMD3<Double>,
    threads: Int
) -> [Double] {
    var steps = [Int32](repeating: 0, count: size.count)
    var distances = [Double](repeating: 0, count: queryCount)
    let firstQueries = queryOffsets(queries, size)
    queries.withUnsafeBufferPointer { queries in
        steps.withUnsafeMutableBufferPointer { steps in
            distances.withUnsafeMutableBufferPointer { distances in
                guard let query = queries.baseAddress, let step = steps.baseAddress,
                    let distance = distances.baseAddress
                else { return }
                seeds.withUnsafeBufferPointer { countSteps(to: $0, size, into: step) }
                let work = PlaneDistances(queries: query, steps: step, size: size, spacing: spacing)
                // Every plane writes its own part of the result.
                parallelFor(size.depth, threads: threads) { z in
                    guard firstQueries[z + 1] > firstQueries[z] else { return }
                    work.fill(plane: z, into: distance + firstQueries[z])
                }
            }
        }
    }
    return distances
}

/// How many queries come before each plane, and how many there are in all.
private func queryOffsets(_ queries: [UInt8], _ size: GridSize) -> [Int] {
    var offsets = [0]
    offsets.reserveCapacity(size.depth + 1)
    for z in 0..<size.depth {
        var count = 0
        for index in z * size.plane..<(z + 1) * size.plane { count &+= Int(queries[index]) }
        offsets.append(offsets[z] + count)
    }
    return offsets
}

/// More steps than any volume has planes.
private let unreachable: Int32 = 1 << 30

/// The number of planes to the nearest seed in the same column along z; ``unreachable`` where the column has none.
private func countSteps(
    to seeds: UnsafeBufferPointer<UInt8>, _ size: GridSize, into steps: UnsafeMutablePointer<Int32>
) {
    guard let seed = seeds.baseAddress else { return }
    for index in 0..<size.plane { steps[index] = seed[index] != 0 ? 0 : unreachable }
    for z in stride(from: 1, to: size.depth, by: 1) {
        let (now, before, mask) = (steps + z * size.plane, steps + (z - 1) * size.plane, seed + z * size.plane)
        for index in 0..<size.plane { now[index] = mask[index] != 0 ? 0 : min(before[index] &+ 1, unreachable) }
    }
    for z in stride(from: size.depth - 2, through: 0, by: -1) {
        let (now, behind) = (steps + z * size.plane, steps + (z + 1) * size.plane)
        for index in 0..<size.plane { now[index] = min(now[index], behind[index] &+ 1) }
    }
}

/// The work of one plane, given the steps along z.
private struct PlaneDistances {
    let queries: UnsafePointer<UInt8>
    let steps: UnsafePointer<Int32>
    let size: GridSize
    let spacing: SIMD3<Double>

    /// Writes the distances of the plane's queries, in order.
    func fill(plane z: Int, into distances: UnsafeMutablePointer<Double>) {
        let queries = queries + z * size.plane
        let rows = (0..<size.height).filter { row in
            UnsafeBufferPointer(start: queries + row * size.width, count: size.width).contains(1)
        }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: size.plane) { squares in
            guard let square = squares.baseAddress else { return }
            alongColumns(of: steps + z * size.plane, rows: rows, into: square)
            var envelope = LowerEnvelope(capacity: size.width, scale: spacing[2])
            var next = 0
            for row in rows {
                let square = square + row * size.width
                let query = queries + row * size.width
                envelope.clear()
                for x in 0..<size.width where square[x] < .infinity { envelope.add(position: x, height: square[x]) }
                for x in 0..<size.width where query[x] != 0 {
                    distances[next] = envelope.value(at: x).squareRoot()
                    next += 1
                }
            }
        }
    }

    /// The squared distances within the plane of each column, at the rows asked for; infinite where the column and all
    /// columns behind and before it are empty.
    private func alongColumns(
        of steps: UnsafePointer<Int32>, rows: [Int], into squares: UnsafeMutablePointer<Double>
    ) {
        var envelope = LowerEnvelope(capacity: size.height, scale: spacing[1])
        for x in 0..<size.width {
            envelope.clear()
            for y in 0..<size.height {
                let step = steps[y * size.width + x]
                guard step < unreachable else { continue }
                let gap = Double(step) * spacing[0]
                envelope.add(position: y, height: gap * gap)
            }
            if envelope.isEmpty {
                for row in rows { squares[row * size.width + x] = .infinity }
            } else {
                for row in rows { squares[row * size.width + x] = envelope.value(at: row) }
            }
        }
    }
}
