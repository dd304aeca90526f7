// Every remark appears when its cause is there, and not otherwise.

import Testing

@testable import Analyzer

struct ScoreWarningTests {
    private func kinds(
        _ candidates: [Candidate], images: Int = 100, cases: [Int]? = nil, options: ScoringOptions = .ripe,
        sharesViews: Bool = false, groupSize: Int = 32
    ) throws -> [ScoreWarning.Kind] {
        let recommendation = Synthetic.recommend(candidates)
        let plan = try GroupPlan(imageCount: images, cases: cases, groupSize: groupSize, seed: 1)
        let spread = ScoreSpread(cases: cases, imageCount: images, sharesViews: sharesViews)
        return ScoreWarnings.all(
            candidates, recommendation: recommendation, plan: plan, options: options, spread: spread
        ).map(\.kind)
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
