// Distances, pairing and losses against the authors' own numbers and against plain formulas.

import Engine
import Testing

@testable import Analyzer

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

struct RobustnessTests {
    private struct Golden: Decodable {
        struct Hinge: Decodable {
            let distance: String
            let margin: Double
            let terms: [Double]
        }
        struct Case: Decodable {
            let shape: [Int]
            let view0: [Float]
            let view1: [Float]
            let hinge: [Hinge]
        }
        let negativeIndex: [String: [Int]]
        let cases: [String: Case]
    }

    private static let distances: [String: Distance] = [
        "cosine_distance": .cosine, "l2_loss": .l2, "inv_pearson_corr": .pearson,
    ]

    @Test func negativesArePairedAsTheAuthorsPairThem() throws {
        let golden: Golden = try GoldenFile.decode("robustness.json")
        for (count, expected) in golden.negativeIndex {
            let count = try #require(Int(count))
            #expect((0..<count).map { GroupPlan.paperNegative(of: $0, count: count) } == expected)
        }
    }

    @Test(arguments: ["even_vec", "odd_vec", "two", "three", "map", "tokens", "noisy", "big_scale"], [4, 32])
    func everyTermEqualsTheAuthors(name: String, groupSize: Int) throws {
        let golden: Golden = try GoldenFile.decode("robustness.json")
        let example = try #require(golden.cases[name])
        let settings = try example.hinge.map { hinge in
            ScoreSetting(
                distance: try #require(Self.distances[hinge.distance]), loss: .hinge(margin: hinge.margin), level: 1,
                pooling: .flat, negatives: .paper)
        }
        let score = try scored(
            settings, views: [[Map(example.shape, example.view0)], [Map(example.shape, example.view1)]],
            groupSize: groupSize)
        for (entry, expected) in zip(score.entries, example.hinge) {
            let losses = try #require(entry.images).losses
            for (loss, term) in zip(losses, expected.terms) {
                #expect(abs(loss - term) <= 1e-6 * max(1, abs(term)), "\(entry.setting)")
            }
            let mean = expected.terms.reduce(0, +) / Double(expected.terms.count)
            #expect(abs(entry.value - mean) <= 1e-6 * max(1, abs(mean)))
            #expect(entry.n == example.shape[0])
        }
    }

    @Test func poolingIsASpatialMeanForMapsAndAChannelMeanForTokens() throws {
        struct Pooled: Decodable {
            let shape: [Int]
            let input: [Float]
            let pooled: [Float]
        }
        let golden: [String: Pooled] = try GoldenFile.decode("pooling.json")
        for (kind, tokens) in [("maps", false), ("tokens", true)] {
            let example = try #require(golden[kind])
            var vectors = FeatureVectors()
            vectors.append(
                Map(example.shape, example.input).features, pooling: .pooled, poolsChannels: tokens, threads: 2)
            #expect(vectors.count == example.shape[0])
            #expect(zip(vectors.batches.joined(), example.pooled).allSatisfy { abs($0 - $1) < 1e-6 })
            #expect(vectors.batches.joined().count == example.pooled.count)
        }
    }

    @Test func allNegativesAverageTheHingeOverEveryOtherImage() throws {
        let views = Map.randomViews(images: 10, shape: [10, 3, 5, 4], seed: 5)
        let setting = ScoreSetting(
            distance: .cosine, loss: .hinge(margin: 0.5), level: 1, pooling: .flat, negatives: .all)
        let score = try scored([setting], views: views, groupSize: 32)
        let losses = try #require(score[setting]?.images).losses
        for image in 0..<10 {
            let positive = plainCosine(views[0][0].row(image), views[1][0].row(image))
            let terms = (0..<10).filter { $0 != image }.map {
                max(0, positive - plainCosine(views[0][0].row(image), views[1][0].row($0)) + 0.5)
            }
            #expect(abs(losses[image] - terms.reduce(0, +) / 9) < 1e-6)
        }
    }

    @Test func imagesOfTheSameCaseAreNotNegatives() throws {
        let views = Map.randomViews(images: 6, shape: [6, 2, 3, 3], seed: 8)
        let setting = ScoreSetting(distance: .l2, loss: .hinge(margin: 1), level: 1, pooling: .flat, negatives: .all)
        let score = try scored([setting], views: views, groupSize: 32, cases: [0, 0, 0, 1, 1, 2])
        let loss = try #require(score[setting]?.images).losses[3]
        func l2(_ left: [Float], _ right: [Float]) -> Double {
            zip(left, right).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) } / Double(left.count)
        }
        let query = views[0][0].row(3)
        let terms = [0, 1, 2, 5].map { max(0, l2(query, views[1][0].row(3)) - l2(query, views[1][0].row($0)) + 1) }
        #expect(abs(loss - terms.reduce(0, +) / 4) < 1e-6)
    }

    @Test func theContrastiveLossIsTheTextbooksSoftmax() throws {
        let views = Map.randomViews(images: 7, shape: [7, 2, 4, 4], seed: 2)
        let setting = ScoreSetting(
            distance: .cosine, loss: .infonce(temperature: 0.1), level: 1, pooling: .flat, negatives: .all)
        let score = try scored([setting], views: views, groupSize: 32)
        let rows = (0..<2).flatMap { view in (0..<7).map { views[view][0].row($0) } }
        func similarity(_ first: Int, _ second: Int) -> Double {
            exp((1 - plainCosine(rows[first], rows[second])) / 0.1)
        }
        let losses = try #require(score[setting]?.images).losses
        for image in 0..<7 {
            let terms = [(image, image + 7), (image + 7, image)].map { anchor, positive in
                let total = (0..<14).filter { $0 != anchor }.reduce(0) { $0 + similarity(anchor, $1) }
                return -log(similarity(anchor, positive) / total)
            }
            #expect(abs(losses[image] - (terms[0] + terms[1]) / 2) < 1e-5)
        }
    }

    @Test func zeroAndConstantFeaturesGiveNotANumberAndAreCounted() throws {
        var views = Map.randomViews(images: 4, shape: [4, 2, 2, 2], seed: 1)
        for entry in 0..<8 {
            views[0][0].values[entry] = 0
            views[1][0].values[entry] = 3.3
        }
        let settings = Distance.allCases.map {
            ScoreSetting(distance: $0, loss: .hinge(margin: 0.5), level: 1, pooling: .flat, negatives: .all)
        }
        let score = try scored(settings, views: views, groupSize: 4)
        #expect(score.entries[0].value.isNaN)
        #expect(score.entries[1].value.isFinite)
        #expect(score.entries[2].value.isNaN)
        #expect(score.zeroVectors == 1)
        #expect(score.constantVectors == 2)
    }

    @Test func batchesAndThreadsChangeNoBit() throws {
        let views = Map.randomViews(images: 23, shape: [23, 40, 23, 11], seed: 4)
        let settings = Self.manySettings
        let reference = try scored(settings, views: views, groupSize: 8, batch: 8, threads: 1)
        for (batch, threads) in [(1, 1), (3, 2), (8, 5)] {
            let other = try scored(settings, views: views, groupSize: 8, batch: batch, threads: threads)
            #expect(other == reference)
        }
    }

    @Test func theOtherSettingsAskedForChangeNoBit() throws {
        let views = Map.randomViews(images: 9, shape: [9, 5, 4, 4], seed: 4)
        let together = try scored(Self.manySettings, views: views, groupSize: 4)
        for setting in Self.manySettings {
            let alone = try scored([setting], views: views, groupSize: 4)
            #expect(alone.entries == together.entries.filter { $0.setting == setting })
        }
    }

    private static let manySettings: [ScoreSetting] = Distance.allCases.flatMap { distance in
        Pooling.allCases.flatMap { pooling in
            [
                (Loss.hinge(margin: 0.5), Negatives.paper), (.hinge(margin: 0.5), .all), (.hinge(margin: 0.1), .all),
                (.infonce(temperature: 0.1), .all),
            ].map { ScoreSetting(distance: distance, loss: $0, level: 1, pooling: pooling, negatives: $1) }
        }
    }
}
