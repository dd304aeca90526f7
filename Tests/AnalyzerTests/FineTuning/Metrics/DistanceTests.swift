// Distances against the definition, on random masks.

import Testing

@testable import Analyzer

@Suite struct DistanceTests {
    struct Setup {
        let size: GridSize
        let spacing: SIMD3<Double>
        let rarity: Int
    }

    static let setups = [
        Setup(size: GridSize(depth: 1, height: 17, width: 13), spacing: SIMD3(1, 1, 1), rarity: 3),
        Setup(size: GridSize(depth: 1, height: 30, width: 21), spacing: SIMD3(1, 0.31, 2.7), rarity: 60),
        Setup(size: GridSize(depth: 6, height: 9, width: 11), spacing: SIMD3(3, 0.8, 0.8), rarity: 12),
        Setup(size: GridSize(depth: 9, height: 8, width: 7), spacing: SIMD3(0.1, 12, 1), rarity: 100),
        Setup(size: GridSize(depth: 7, height: 1, width: 12), spacing: SIMD3(1, 1, 1), rarity: 20),
    ]

    @Test(arguments: setups.indices)
    func nearestDistancesEqualBruteForce(index: Int) {
        let setup = Self.setups[index]
        let size = setup.size
        for seed in 0..<8 as Range<UInt64> {
            var random = TestRandom(seed &* 97 &+ UInt64(index))
            var seeds = (0..<size.count).map { _ -> UInt8 in random.next(setup.rarity) == 0 ? 1 : 0 }
            seeds[random.next(size.count)] = 1
            let queries = (0..<size.count).map { _ -> UInt8 in random.next(3) == 0 ? 1 : 0 }
            let found = nearestDistances(
                from: queries, count: queries.count { $0 == 1 }, to: seeds, size, spacing: setup.spacing, threads: 2)
            let wanted = bruteForce(queries, seeds, setup)
            #expect(found.count == wanted.count)
            #expect(zip(found, wanted).allSatisfy { abs($0 - $1) <= 1e-12 * max(1, $1) })
        }
    }

    private func bruteForce(_ queries: [UInt8], _ seeds: [UInt8], _ setup: Setup) -> [Double] {
        func place(_ index: Int) -> SIMD3<Double> {
            let plane = index / setup.size.plane
            let rest = index % setup.size.plane
            return SIMD3(Double(plane), Double(rest / setup.size.width), Double(rest % setup.size.width))
                * setup.spacing
        }
        let places = seeds.indices.filter { seeds[$0] == 1 }.map(place)
        return queries.indices.filter { queries[$0] == 1 }.map { query in
            let here = place(query)
            return places.map { (($0 - here) * ($0 - here)).sum() }.min()?.squareRoot() ?? .infinity
        }
    }

    @Test func surfaceIsTheMaskWithoutItsErosion() {
        // A 5×5 square in the corner of an image: its rim, the sides on the image's edge included.
        let grid = GridSize(depth: 1, height: 7, width: 8)
        let labels = (0..<grid.count).map { $0 / 8 < 5 && $0 % 8 < 5 ? UInt8(3) : 0 }
        let box = GridBox(around: 3, in: labels, grid)
        #expect(box?.low == SIMD3(0, 0, 0))
        #expect(box?.high == SIMD3(1, 5, 5))
        guard let box else { return }
        let (mask, count) = surface(of: 3, in: labels, grid, box: box)
        #expect(count == 16)
        #expect(mask[6] == 0 && mask[0] == 1 && mask[4] == 1 && mask[12] == 0 && mask[20] == 1)
        #expect(GridBox(around: 4, in: labels, grid) == nil)
    }

    @Test func surfaceOfASolidVolumeIsItsShell() throws {
        let grid = GridSize(depth: 4, height: 5, width: 6)
        let labels = [UInt8](repeating: 1, count: grid.count)
        let box = try #require(GridBox(around: 1, in: labels, grid))
        #expect(box.size == grid)
        #expect(surface(of: 1, in: labels, grid, box: box).count == 96)
    }

    @Test func percentileInterpolatesAsNumpyDoes() {
        // numpy.percentile([0, 1, …, 9], 95) = 8.55; of [3] = 3; of [1, 1, 2] = 1.9.
        #expect(abs(percentile(95, of: (0..<10).map(Double.init).reversed()) - 8.55) < 1e-12)
        #expect(percentile(95, of: [3]) == 3)
        #expect(abs(percentile(95, of: [2, 1, 1]) - 1.9) < 1e-12)
        #expect(percentile(95, of: [Double](repeating: 0.7, count: 50)) == 0.7)
        var random = TestRandom(5)
        let values = (0..<1000).map { _ in Double(random.next(300)) / 7 }
        let sorted = values.sorted()
        let place = 999 * 0.95
        let wanted = sorted[949] + (sorted[950] - sorted[949]) * (place - 949)
        #expect(abs(percentile(95, of: values) - wanted) < 1e-12)
    }

    @Test func spacingScalesDistances() throws {
        for scale in [0.25, 8] {
            let settings = try MetricSettings(classes: ["background", "lesion"])
            var (one, two) = (MetricAccumulator(settings), MetricAccumulator(settings))
            var (truth, prediction) = ([UInt8](repeating: 0, count: 120), [UInt8](repeating: 0, count: 120))
            for index in 20..<50 { truth[index] = 1 }
            for index in 30..<75 { prediction[index] = 1 }
            try one.addVolume("a", .labels(prediction), truth: truth, height: 5, width: 4, spacing: SIMD3(3, 1, 1))
            try two.addVolume(
                "a", .labels(prediction), truth: truth, height: 5, width: 4,
                spacing: SIMD3(3 * scale, scale, scale))
            for metric in [SegmentationMetric.hausdorff95, .modifiedHausdorff, .averageSurfaceDistance] {
                let near = one.results.byCase[metric, 0]
                #expect(near != nil && close(two.results.byCase[metric, 0], near.map { $0 * scale }))
            }
        }
    }
}
