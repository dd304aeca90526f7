// Feature maps made in a test, and the accumulator run over them.

import Engine
import Formats

@testable import Analyzer

/// All images' features of one level and view, N×C×h×w.
struct Map {
    let shape: [Int]
    var values: [Float]

    init(_ shape: [Int], _ values: [Float]) {
        self.shape = shape
        self.values = values
    }

    private var rowLength: Int { shape[1...].reduce(1, *) }

    func row(_ image: Int) -> [Float] { Array(values[image * rowLength..<(image + 1) * rowLength]) }

    /// The features of some images, as level `level`.
    func features(_ images: ArraySlice<Int>, level: Int) -> LevelFeatures {
        LevelFeatures(level: level, shape: Shape([images.count] + shape[1...]), values: images.flatMap(row))
    }

    var features: LevelFeatures { LevelFeatures(level: 1, shape: Shape(shape), values: values) }

    /// Random non-negative features of one level: second views that resemble the first.
    static func randomViews(images: Int, shape: [Int], seed: UInt64, noise: Double = 0.2) -> [[Map]] {
        var generator = CounterGenerator(seed: seed, purpose: .jitter, place: 1)
        let count = shape.reduce(1, *)
        let first = (0..<count).map { _ in Float(generator.nextUnit()) }
        let second = first.map { max(0, $0 + Float(noise * (generator.nextUnit() - 0.5))) }
        return [[Map(shape, first)], [Map(shape, second)]]
    }
}

/// Scores views of one draw.
///
/// - Parameter views: view, then level.
func scored(
    _ settings: [ScoreSetting], views: [[Map]], groupSize: Int, cases: [Int]? = nil, batch: Int = 4, threads: Int = 2,
    tokens: Bool = false
) throws -> CheckpointScore {
    let count = views[0][0].shape[0]
    let plan = try GroupPlan(imageCount: count, cases: cases, groupSize: groupSize, seed: 1)
    var accumulator = RobustnessAccumulator(
        settings: settings, plan: plan, draws: 1,
        spread: ScoreSpread(cases: cases, imageCount: count, sharesViews: false), poolsChannels: tokens,
        keepsImages: Set(settings), threads: threads)
    for (group, members) in plan.groups.enumerated() {
        accumulator.begin(group: group, draw: 0)
        for view in 0..<2 {
            for start in stride(from: 0, to: members.count, by: batch) {
                let images = members[start..<min(members.count, start + batch)]
                let features = views[view].enumerated().map { $1.features(images, level: $0 + 1) }
                try accumulator.add(features, view: view, count: images.count)
            }
        }
        accumulator.endDraw()
    }
    return accumulator.score()
}

/// The cosine distance in float64, written down once more.
func plainCosine(_ left: [Float], _ right: [Float]) -> Double {
    let pairs = zip(left, right).map { (Double($0), Double($1)) }
    let dot = pairs.reduce(0) { $0 + $1.0 * $1.1 }
    let norms = pairs.reduce(0) { $0 + $1.0 * $1.0 } * pairs.reduce(0) { $0 + $1.1 * $1.1 }
    return 1 - dot / norms.squareRoot()
}
