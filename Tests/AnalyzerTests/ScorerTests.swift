// The scoring loop: what it feeds to the network, that nothing but the settings changes its numbers, and how it stops.

import Engine
import Formats
import Synchronization
import Testing

@testable import Analyzer

/// Images made of waves, in memory.
struct WaveImages: ImageSource {
    var imageCount = 20
    var imageShape = ImageShape(channels: 1, height: 12, width: 10)
    var cases: [Int]?
    var brokenImage: Int?

    func identity(of image: Int) -> UInt64 { UInt64(image) * 7 + 1 }

    func image(_ index: Int) throws(AnalyzerError) -> [Float] {
        if index == brokenImage {
            throw .format(FormatError("scan.nii", .system(action: "open", detail: "it is gone")))
        }
        let plane = imageShape.height * imageShape.width
        let grey = (0..<plane).map { pixel in
            0.5 + 0.5 * Float((pixel * (index + 3)) % 17 - 8) / 8 * Float(pixel % (index % 5 + 2)) / 6
        }.map { min(max($0, 0), 1) }
        return (0..<imageShape.channels).flatMap { _ in grey }
    }
}

/// A network of two levels: 2×2 averages less a threshold for each channel, and their squares averaged again.
struct AveragingEncoder: FeatureEncoder {
    var inputChannels = 3
    var hasTokenLevels = false
    let height = 12
    let width = 10

    func features(of images: [Float]) throws(EngineError) -> [LevelFeatures] {
        let count = images.count / (inputChannels * height * width)
        let plane = height / 2 * (width / 2)
        // Channels differ, so that pooled vectors are not constant for grey images.
        let first = halved(images, planes: count * inputChannels, height, width).enumerated().map { index, value in
            max(0, value - 0.15 * Float(index / plane % inputChannels))
        }
        let second = halved(first.map { $0 * $0 }, planes: count * inputChannels, height / 2, width / 2)
        return [
            LevelFeatures(level: 1, shape: [count, inputChannels, height / 2, width / 2], values: first),
            LevelFeatures(level: 2, shape: [count, inputChannels, height / 4, width / 4], values: second),
        ]
    }

    private func halved(_ values: [Float], planes: Int, _ height: Int, _ width: Int) -> [Float] {
        (0..<planes).flatMap { plane in
            (0..<height / 2).flatMap { row in
                (0..<width / 2).map { column in
                    let corner = (plane * height + 2 * row) * width + 2 * column
                    return (values[corner] + values[corner + 1] + values[corner + width] + values[corner + width + 1])
                        / 4
                }
            }
        }
    }
}

struct ScorerTests {
    private func options(
        draws: Int = 2, scope: JitterScope = .image, seed: UInt64 = 3
    ) -> ScoringOptions {
        var options = ScoringOptions(
            grid: ScoreGrid(
                losses: [.hinge(margin: 0.5), .infonce(temperature: 0.1)], distances: Distance.allCases, levels: .all,
                poolings: [.flat, .pooled], negatives: [.all, .paper]),
            draws: draws, jitterScope: scope, seed: seed)
        options.groupSize = 8
        return options
    }

    private func score(
        _ images: WaveImages, _ options: ScoringOptions, channels: Int = 3, batchSize: Int = 3, threads: Int = 1
    ) throws -> CheckpointScore {
        let views = try JitteredViews(
            of: images, scope: options.jitterScope, seed: options.seed, draws: options.draws)
        return try Scorer(source: views, options: options).score(
            AveragingEncoder(inputChannels: channels), levelCount: 2, batchSize: batchSize, threads: threads,
            keepsAllImages: true)
    }

    @Test func batchesAndThreadsChangeNoBit() throws {
        let reference = try score(WaveImages(), options(), batchSize: 8, threads: 1)
        #expect(reference.entries.count == 2 * 2 * 3 * 3)
        #expect(reference.entries.allSatisfy { $0.value.isFinite && $0.standardError > 0 && $0.n == 20 })
        for (batch, threads) in [(1, 1), (3, 4), (64, 2)] {
            #expect(try score(WaveImages(), options(), batchSize: batch, threads: threads) == reference)
        }
    }

    @Test func aGreyImageScoresAsItsThreeEqualChannels() throws {
        let color = WaveImages(imageShape: ImageShape(channels: 3, height: 12, width: 10))
        #expect(try score(WaveImages(), options()) == score(color, options()))
    }

    @Test func poolingOverChannelsIsForPooledTokensAlone() throws {
        func score(tokens: Bool, _ pooling: TokenPooling) throws -> CheckpointScore {
            var options = options()
            options.tokenPooling = pooling
            let views = try JitteredViews(of: WaveImages(), scope: .image, seed: 3, draws: 2)
            return try Scorer(source: views, options: options).score(
                AveragingEncoder(hasTokenLevels: tokens), levelCount: 2)
        }
        let maps = try score(tokens: false, .channels)
        #expect(try score(tokens: false, .positions) == maps)
        #expect(try score(tokens: true, .positions) == maps)
        let channels = try score(tokens: true, .channels)
        for (entry, other) in zip(channels.entries, maps.entries) {
            #expect((entry.value == other.value) == (entry.setting.pooling == .flat))
        }
    }

    @Test func givenViewsThatAreNotNumbersAreRefused() throws {
        var values = [Float](repeating: 0.5, count: 3 * 12 * 10)
        let good = TensorView(floats: values, shape: [3, 12, 10])
        values[130] = .nan
        let bad = TensorView(floats: values, shape: [3, 12, 10])
        #expect(throws: AnalyzerError.views(expected: "finite numbers", found: "nan in image 2")) {
            try StoredViews(good, bad)
        }
    }

    @Test func seedsAndScopesGiveOtherViewsAndTheSameSeedTheSame() throws {
        let setting = ScoreSetting(
            distance: .cosine, loss: .hinge(margin: 0.5), level: 2, pooling: .flat, negatives: .all)
        func value(_ options: ScoringOptions) throws -> Double? { try score(WaveImages(), options)[setting]?.value }
        let values = try [options(), options(seed: 4), options(scope: .batch), options(draws: 3), options()].map(value)
        #expect(values[0] == values[4])
        #expect(Set(values).count == 4)
    }

    @Test func givenViewsAreUsedAsTheyAreAndOneChannelIsRepeated() throws {
        let images = WaveImages(imageCount: 6)
        let options = options(draws: 1)
        let jittered = try JitteredViews(of: images, scope: .batch, seed: 3, draws: 1)
        let group = try jittered.open(Array(0..<6))
        let views = (0..<2).map { view in
            (0..<6).flatMap { member in
                [Float](unsafeUninitializedCapacity: 120) { buffer, count in
                    buffer.initialize(repeating: 0)
                    group.write(member: member, view: view, draw: 0, to: buffer)
                    count = 120
                }
            }
        }
        func score(_ source: any ViewSource) throws -> CheckpointScore {
            try Scorer(source: source, options: options).score(AveragingEncoder(), levelCount: 2)
        }
        let expected = try score(jittered)
        let tensors = views.map { TensorView(floats: $0, shape: [6, 12, 10]) }
        #expect(try score(StoredViews(tensors[0], tensors[1])) == expected)
        #expect(try score(StoredViews(TensorView(floats: views[0] + views[1], shape: [2, 6, 1, 12, 10]))) == expected)
        let color = views.map { view in
            TensorView(
                floats: stride(from: 0, to: view.count, by: 120).flatMap { start in
                    (0..<3).flatMap { _ in view[start..<start + 120] }
                }, shape: [6, 3, 12, 10])
        }
        #expect(try score(StoredViews(color[0], color[1])) == expected)
    }

    @Test func viewsOfWrongShapeAreRefused() {
        func tensor(_ shape: Shape) -> TensorView {
            TensorView(floats: [Float](repeating: 0, count: shape.elementCount), shape: shape)
        }
        #expect(throws: AnalyzerError.views(expected: "two arrays of one shape", found: "4×3×2×2 and 4×3×2×1")) {
            try StoredViews(tensor([4, 3, 2, 2]), tensor([4, 3, 2, 1]))
        }
        #expect(throws: AnalyzerError.views(expected: "N×C×H×W or N×H×W", found: "4×3")) {
            try StoredViews(tensor([4, 3]), tensor([4, 3]))
        }
        #expect(throws: AnalyzerError.views(expected: "2×N×C×H×W (or two files of N×C×H×W)", found: "3×4×3×2×2")) {
            try StoredViews(tensor([3, 4, 3, 2, 2]))
        }
    }

    @Test func aRunThatCannotWorkSaysWhy() throws {
        #expect(throws: AnalyzerError.tooFewImages(source: "target", found: 1)) {
            try score(WaveImages(imageCount: 1), options())
        }
        #expect(throws: AnalyzerError.channels(source: 3, network: 1)) {
            let color = WaveImages(imageShape: ImageShape(channels: 3, height: 12, width: 10))
            return try score(color, options(), channels: 1)
        }
        #expect(throws: AnalyzerError.level(asked: -3, available: 2)) {
            var options = options()
            options.grid.levels = .numbers([-3])
            return try score(WaveImages(), options)
        }
        #expect(throws: AnalyzerError.format(FormatError("scan.nii", .system(action: "open", detail: "it is gone")))) {
            try score(WaveImages(brokenImage: 13), options())
        }
    }

    @Test func aRunStopsBetweenBatchesWhenAskedTo() throws {
        let calls = Mutex(0)
        let scorer = try Scorer(
            source: JitteredViews(of: WaveImages(imageCount: 200), scope: .image, seed: 1, draws: 2), options: options()
        )
        #expect(throws: AnalyzerError.cancelled) {
            try scorer.score(
                AveragingEncoder(), levelCount: 2, batchSize: 2, isCancelled: { calls.withLock { $0 == 5 } },
                progress: { _ in calls.withLock { $0 += 1 } })
        }
        #expect(calls.withLock { $0 } == 5)
    }

    @Test func progressCountsEveryView() throws {
        let scorer = try Scorer(
            source: JitteredViews(of: WaveImages(imageCount: 9), scope: .image, seed: 1, draws: 2), options: options())
        var last = ScoringProgress(viewsDone: 0, viewCount: 0)
        _ = try scorer.score(AveragingEncoder(), levelCount: 2, progress: { last = $0 })
        #expect(last == ScoringProgress(viewsDone: 36, viewCount: 36))
    }

    @Test func onlyTheDecidingSettingsKeepPerImageValues() throws {
        let views = try JitteredViews(of: WaveImages(), scope: .image, seed: 1, draws: 2)
        let score = try Scorer(source: views, options: options()).score(AveragingEncoder(), levelCount: 2)
        let kept = score.entries.filter { $0.images != nil }.map(\.setting)
        #expect(
            kept
                == [1, 2].map {
                    ScoreSetting(
                        distance: .cosine, loss: .hinge(margin: 0.5), level: $0, pooling: .flat, negatives: .all)
                })
    }
}

struct GroupPlanTests {
    @Test(arguments: [2, 3, 31, 32, 33, 63, 64, 65, 100, 1001])
    func everyImageIsInOneGroupOfNearlyEqualSizeWithItsPaperNegative(count: Int) throws {
        let plan = try GroupPlan(imageCount: count, cases: nil, groupSize: 32, seed: 5)
        #expect(plan.groups.flatMap(\.self).sorted() == Array(0..<count))
        #expect(plan.imageCount == count)
        let sizes = plan.groups.map(\.count)
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 3)
        #expect((sizes.max() ?? 0) <= 33 && (sizes.min() ?? 0) >= 2)
        for group in plan.groups {
            #expect(group.allSatisfy { group.contains(GroupPlan.paperNegative(of: $0, count: count)) })
        }
        #expect(plan.selfMatchedImage == (count.isMultiple(of: 2) ? nil : (count + 1) / 2))
    }

    @Test func oneCaseAloneExcludesNothingAndLonelyImagesAreNamed() throws {
        let single = try GroupPlan(imageCount: 4, cases: [7, 7, 7, 7], seed: 1)
        #expect(single.isSingleCase && single.imagesWithoutNegatives.isEmpty)
        let pair = try GroupPlan(imageCount: 4, cases: [0, 0, 1, 1], groupSize: 2, seed: 1)
        #expect(pair.imagesWithoutNegatives == [0, 1, 2, 3])
        let mixed = try GroupPlan(imageCount: 4, cases: [0, 0, 1, 1], groupSize: 4, seed: 1)
        #expect(mixed.imagesWithoutNegatives.isEmpty)
    }

    @Test func theUsualMarginAndDistanceDecideWhereverTheyStandInTheLists() throws {
        let grid = ScoreGrid(
            losses: [.hinge(margin: 0), .hinge(margin: 0.5), .infonce(temperature: 0.1)], distances: [.l2, .cosine],
            levels: .all, poolings: [.pooled, .flat], negatives: [.paper, .all])
        let deciding = try grid.decidingSettings(levelCount: 4)
        #expect(
            deciding
                == [3, 4].map {
                    ScoreSetting(
                        distance: .cosine, loss: .hinge(margin: 0.5), level: $0, pooling: .pooled, negatives: .paper)
                })
        let other = ScoreGrid(
            losses: [.hinge(margin: 1), .hinge(margin: 0.25)], distances: [.pearson, .l2], levels: .numbers([1]),
            poolings: [.flat], negatives: [.all])
        #expect(
            try other.decidingSettings(levelCount: 4) == [
                ScoreSetting(
                    distance: .pearson, loss: .hinge(margin: 1), level: 1, pooling: .flat, negatives: .all)
            ])
    }

    @Test func levelsCountFromBothEnds() throws {
        #expect(try LevelSelection.all.resolved(levelCount: 4) == [1, 2, 3, 4])
        #expect(try LevelSelection.twoDeepest.resolved(levelCount: 5) == [4, 5])
        #expect(try LevelSelection.numbers([-1, 5, 2]).resolved(levelCount: 5) == [2, 5])
        #expect(throws: AnalyzerError.level(asked: 0, available: 5)) {
            try LevelSelection.numbers([0]).resolved(levelCount: 5)
        }
        #expect(throws: AnalyzerError.level(asked: 6, available: 5)) {
            try LevelSelection.numbers([6]).resolved(levelCount: 5)
        }
    }
}
