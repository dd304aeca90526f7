// Every remark appears when its cause is there, and not otherwise.

import Testing

@testable import Analyzer

struct ScoreWarningTests {
    private func warnings(
        _ candidates: [Candidate], excluded: [ExcludedFile] = [], images: Int = 100, cases: [Int]? = nil,
        options: ScoringOptions = .ripe, draws: Int? = nil, sharesViews: Bool = false, groupSize: Int = 32
    ) throws -> [ScoreWarning] {
        let recommendation = Synthetic.recommend(candidates)
        let plan = try GroupPlan(imageCount: images, cases: cases, groupSize: groupSize, seed: 1)
        let spread = ScoreSpread(cases: cases, imageCount: images, sharesViews: sharesViews)
        return ScoreWarnings.all(
            candidates, excluded: excluded, recommendation: recommendation, plan: plan, options: options, draws: draws,
            spread: spread)
    }

    private func kinds(
        _ candidates: [Candidate], images: Int = 100, cases: [Int]? = nil, options: ScoringOptions = .ripe,
        draws: Int? = nil, sharesViews: Bool = false, groupSize: Int = 32
    ) throws -> [ScoreWarning.Kind] {
        try warnings(
            candidates, images: images, cases: cases, options: options, draws: draws, sharesViews: sharesViews,
            groupSize: groupSize
        ).map(\.kind)
    }

    @Test func givenViewsAreOneDrawWhateverTheOptionsSay() throws {
        #expect(try kinds(clean(), options: .ripe, draws: 1, sharesViews: true) == [.unknownViewNoise])
        #expect(try kinds(clean(), options: .ripe, sharesViews: true) == [])
    }

    private func clean() -> [Candidate] { Synthetic.sequence([0.42, 0.40, 0.35, 0.3], noise: 0.02, seed: 3) }

    private func separated(_ mass: Double) -> [CheckpointScore.Separation] {
        Synthetic.settings.map {
            .init(
                level: $0.level, pooling: .flat, distance: .cosine, negatives: .all, meanPositive: 0.1,
                meanNegative: 0.6, violatingMass: mass)
        }
    }

    private func separated(_ candidates: [Candidate], _ mass: Double) -> [Candidate] {
        candidates.map { candidate in
            var candidate = candidate
            candidate.score.separations = separated(mass)
            return candidate
        }
    }

    @Test func aCleanRunHasNone() throws {
        #expect(try kinds(separated(clean(), 0.02)) == [])
    }

    @Test func massNearOneHalfAndNearZeroAreTold() throws {
        #expect(try kinds(separated(clean(), 0.47)) == [.viewsLikeStrangers, .viewsLikeStrangers])
        #expect(try kinds(separated(clean(), 0)) == [.onlySpread])
    }

    @Test func copiesAndIdenticalScoresAreTold() throws {
        var candidates = clean()
        candidates[1] = candidates[0]
        candidates[1].name = "copy.pt"
        candidates[1].epoch = 9
        #expect(try kinds(candidates) == [.identicalScores])
        candidates[0].contentHash = "ab"
        candidates[1].contentHash = "ab"
        #expect(try kinds(candidates) == [.identicalFiles])
        // A last.ckpt that repeats the last one is as it should be.
        candidates[1].epoch = candidates[0].epoch
        #expect(try kinds(candidates) == [])
    }

    @Test func severalNetworksInOneFolderAreTold() throws {
        var candidates = clean()
        for index in candidates.indices { candidates[index].architecture = index == 1 ? "U-Net" : "ResNet-50" }
        let found = try warnings(candidates)
        #expect(found.map(\.kind) == [.mixedNetworks])
        #expect(found[0].message.contains("2 different networks (3 × ResNet-50; 1 × U-Net)"))
    }

    @Test func aNewerFileThatCouldNotBeScoredIsTold() throws {
        let broken = ["model_epoch_9.pt", "model_epoch_2b.pt", "notes.pt"].map {
            ExcludedFile(path: $0, name: $0, reason: "cut short")
        }
        let found = try warnings(clean(), excluded: broken)
        #expect(found.map(\.kind) == [.newestExcluded])
        #expect(
            found[0].message
                == "model_epoch_9.pt, epoch 9, could not be scored; the last checkpoint here is only the last "
                + "that could, epoch 4.")
        #expect(try warnings(clean(), excluded: Array(broken.dropFirst())) == [])
    }

    @Test func degenerateFeaturesAndScoresThatAreNotNumbersAreTold() throws {
        var candidates = clean()
        candidates[2].score.entries[1].value = .nan
        candidates[2].score.constantVectors = 4
        #expect(try kinds(candidates) == [.notANumber, .degenerateFeatures])
    }

    @Test func anUntrainedCheckpointThatScoresBestIsTold() throws {
        let low = [[Double]](repeating: [Double](repeating: 0.01, count: 100), count: 2)
        let candidates = [Synthetic.candidate(epoch: 0, values: low)] + clean()
        #expect(try kinds(candidates) == [.untrainedScoresBest])
    }

    @Test func constantCurvesAndOppositeLevelsAreTold() throws {
        let flat = (1...3).map { epoch in
            Synthetic.candidate(
                epoch: epoch, values: [0.4, 0.4].map { [Double](repeating: $0, count: 100) })
        }
        #expect(Set(try kinds(flat)) == [.constantCurve, .identicalScores])
        let opposite = (1...3).map { epoch in
            Synthetic.candidate(
                epoch: epoch,
                values: [Double(epoch), -Double(epoch)].map { [Double](repeating: $0, count: 100) })
        }
        #expect(try kinds(opposite) == [.levelsDisagree])
    }

    @Test func anEarlierPickIsNotAnnealed() throws {
        #expect(
            try kinds(Synthetic.sequence([0.3, 0.4, 0.41], noise: 0.01, seed: 1)) == [.notAnnealed])
    }

    @Test func theImagesThemselvesCanBeTheTrouble() throws {
        #expect(
            try kinds(clean(), images: 15, options: .paper, sharesViews: true) == [
                .selfMatchedImage, .fewImages, .unknownViewNoise,
            ])
        #expect(try kinds(clean(), images: 16, options: .paper) == [.fewImages])
        #expect(try kinds(clean(), cases: [Int](repeating: 1, count: 100)) == [.singleCase])
        #expect(
            try kinds(clean(), cases: (0..<100).map { $0 / 50 }, groupSize: 2).first == .imagesWithoutNegatives)
    }
}
