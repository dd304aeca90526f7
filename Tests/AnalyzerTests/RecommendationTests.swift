// Choosing: the three rules, the doubt, who is left out, and the words.

import Testing

@testable import Analyzer

struct RecommendationTests {
    @Test func aClearlyBetterEarlierCheckpointIsRecommendedByAllRules() {
        let result = Synthetic.recommend(Synthetic.sequence([0.40, 0.30, 0.38, 0.42], noise: 0.02, seed: 1))
        #expect(result.picks == [.guarded: 1, .best: 1, .earliest: 1])
        #expect(result.tied == [1])
        #expect(result.last == 3)
        #expect(result.standings[1].combined == 1)
        #expect(result.standings[1].shareBetterThanLast == 1)
        #expect(result.standings.map(\.beatsLast) == [true, true, true, false])
        #expect(
            result.sentence
                == "Use epoch 2 (model_epoch_2.pt): it beats the last checkpoint, epoch 4, in all 400 resamplings of "
                + "the images, more than noise allows among 4 checkpoints; no other checkpoint is as good.")
    }

    @Test func equalCheckpointsLeaveTheLastOneAndTieAll() {
        let result = Synthetic.recommend(Synthetic.sequence([0.4, 0.4, 0.4, 0.4], noise: 0.05, seed: 4))
        #expect(result.picks[.guarded] == 3)
        #expect(result.tied == [0, 1, 2, 3])
        #expect(result.picks[.earliest] == 0)
        #expect(
            result.sentence == "Keep the last checkpoint, epoch 4 (model_epoch_4.pt): the scores cannot tell the 4 "
                + "checkpoints apart.")
    }

    @Test func theEarliestOfTheTiedIsNotTheBestNorTheLast() {
        let result = Synthetic.recommend(
            Synthetic.sequence([0.5, 0.3002, 0.3, 0.45], noise: 0.05, seed: 2), rule: .earliest)
        #expect(result.tied == [1, 2])
        #expect(result.pick == 1)
        #expect(
            result.sentence
                == "Use epoch 2 (model_epoch_2.pt), the earliest of 2 checkpoints whose scores cannot be told "
                + "from the lowest.")
    }

    @Test func theLastIsKeptWhenItIsTheBest() {
        let result = Synthetic.recommend(Synthetic.sequence([0.5, 0.45, 0.4, 0.3], noise: 0.02, seed: 3))
        #expect(result.picks == [.guarded: 3, .best: 3, .earliest: 3])
        #expect(result.orderCorrelation == -1)
        #expect(
            result.sentence
                == "Keep the last checkpoint, epoch 4 (model_epoch_4.pt): it has the lowest score and comes first "
                + "in all 400 resamplings of the images; no other checkpoint is as good.")
    }

    /// With eight equal checkpoints the best of seven earlier ones would beat the last at 95 % in far more than 5 % of
    /// runs if the comparisons were not made together.
    @Test func noiseAloneRarelyRecommendsAnEarlierCheckpoint() {
        let picks = (0..<60).map { run in
            Synthetic.recommend(
                Synthetic.sequence([Double](repeating: 0.4, count: 8), noise: 0.05, images: 30, seed: UInt64(run)),
                resamplings: 100
            ).picks[.guarded]
        }
        #expect(picks.count { $0 != 7 } <= 8)
    }

    @Test func oneSettingDecidesByItsScoreAndThePaperPicksTheSmallest() {
        let candidates = Synthetic.sequence([0.40, 0.31, 0.38, 0.30], noise: 0.001, seed: 6)
        let result = Synthetic.recommend(candidates, rule: .best, settings: [Synthetic.settings[1]])
        #expect(result.pick == 3)
        #expect(result.standings[3].combined == candidates[3].score.entries[1].value)
    }

    @Test func untrainedCheckpointsAreNeverPicked() {
        let low = [[Double]](repeating: [Double](repeating: 0.01, count: 100), count: 2)
        var candidates = Synthetic.sequence([0.4, 0.3, 0.35], noise: 0.01, seed: 6)
        candidates.insert(Synthetic.candidate(epoch: 0, values: low), at: 0)
        candidates.insert(
            Synthetic.candidate(epoch: 7, values: low, name: "initial.pt", initialStatistics: true), at: 1)
        let nearlyAsLow = low.map { $0.map { $0 + 0.001 } }
        candidates.insert(
            Synthetic.candidate(epoch: 0, step: 71, values: nearlyAsLow, name: "epoch=0-step=71.ckpt"), at: 2)
        for rule in PickRule.allCases {
            let result = Synthetic.recommend(candidates, rule: rule)
            #expect(
                result.ineligible.map(\.reason) == [
                    "untrained: epoch 0", "untrained: its BatchNorm statistics are still 0 and 1",
                ])
            #expect(result.pick == 2)  // Lightning's epoch 0 after 71 steps is trained.
        }
    }

    @Test func batchNormStatisticsThatNeverMoveInAnyCheckpointTellNothing() {
        let candidates = Synthetic.sequence([0.4, 0.3], noise: 0.01, seed: 6).map { candidate in
            var candidate = candidate
            candidate.hasInitialStatistics = true
            return candidate
        }
        #expect(Synthetic.recommend(candidates).ineligible.isEmpty)
    }

    @Test func copiesDoNotCompeteAndTheNamedOneStands() {
        var candidates = Synthetic.sequence([0.42, 0.40, 0.3, 0.41], noise: 0.02, seed: 4)
        for index in candidates.indices { candidates[index].contentHash = "hash \(index)" }
        for (name, original, keepsPlace) in [("last.ckpt", 3, true), ("best.pt", 2, false)] {
            var copy = candidates[original]
            copy.name = name
            if !keepsPlace { copy.epoch = nil }
            candidates.append(copy)
        }
        let found = Synthetic.recommend(candidates)
        #expect(found.ineligible.map(\.original) == [3, 2])
        #expect(found.ineligible.map(\.reason) == ["a copy of model_epoch_4.pt", "a copy of model_epoch_3.pt"])
        #expect(found.last == 3)
        #expect(found.picks == [.guarded: 2, .best: 2, .earliest: 2])
        #expect(found.sentence.hasPrefix("Use epoch 3 (model_epoch_3.pt): it beats the last checkpoint, epoch 4, "))
        #expect(found.sentence.contains("among 4 checkpoints"))
    }

    @Test func severalFormsOfTheSameWeightsCompeteOnce() {
        let candidates = Synthetic.sequence([0.4, 0.3], noise: 0.02, seed: 4).flatMap { candidate in
            ["h5", "keras"].map { form in
                var copy = candidate
                copy.contentHash = "\(form) \(candidate.name)"
                copy.name = "\(candidate.name).\(form)"
                copy.step = form == "h5" ? 100 : nil
                return copy
            }
        }
        let found = Synthetic.recommend(candidates)
        #expect(found.standings.map(\.checkpoint) == [0, 2])
        #expect(
            found.ineligible.map(\.reason) == [
                "the weights of model_epoch_1.pt.h5", "the weights of model_epoch_2.pt.h5",
            ])
        #expect(found.pick == 2)
    }

    @Test func aFileOfUnknownEpochIsNeverTheLast() {
        var candidates = Synthetic.sequence([0.42, 0.40, 0.3, 0.42], noise: 0.02, seed: 4)
        candidates[3].epoch = nil
        candidates[3].name = "model_best.pth.tar"
        let found = Synthetic.recommend(candidates)
        #expect(found.last == 2)
        #expect(found.pick == 2)
        #expect(
            found.sentence.hasPrefix("Keep the last checkpoint, epoch 3 (model_epoch_3.pt): it has the lowest score"))
        #expect(found.orderCorrelation == -1)
        // Where nothing is known of any, the order of the names is all there is.
        for index in candidates.indices { candidates[index].epoch = nil }
        #expect(Synthetic.recommend(candidates).last == 3)
    }

    @Test func nothingToChooseFromIsSaidInWords() {
        let values = [[Double]](repeating: [Double](repeating: 0.4, count: 100), count: 2)
        let none = Synthetic.recommend([Synthetic.candidate(epoch: 0, values: values)])
        #expect(none.pick == nil)
        #expect(none.sentence == "No recommendation: no checkpoint can be chosen (untrained: epoch 0).")
        let one = Synthetic.recommend([Synthetic.candidate(epoch: 3, values: values)])
        #expect(one.pick == 0)
        #expect(one.sentence.hasPrefix("Use epoch 3 (model_epoch_3.pt): it is the only checkpoint"))
        #expect(Synthetic.recommend([]).pick == nil)
    }

    @Test func scoresThatAreNotNumbersLeaveACheckpointOut() {
        var candidates = Synthetic.sequence([0.4, 0.3, 0.35], noise: 0.01, seed: 6)
        candidates[1].score.entries[0].value = .nan
        let result = Synthetic.recommend(candidates)
        #expect(result.ineligible.map(\.reason) == ["its score at level 4 is not a number"])
        #expect(result.picks[.best] == 2)
    }

    @Test func theSameSeedGivesTheSameDoubt() {
        let candidates = Synthetic.sequence([0.40, 0.39, 0.40, 0.395], noise: 0.05, seed: 8)
        #expect(Synthetic.recommend(candidates) == Synthetic.recommend(candidates))
        #expect(Synthetic.recommend(candidates).standings.map(\.shareFirst).reduce(0, +) - 1 < 1e-9)
    }

    @Test func checkpointsAreCalledByWhatTellsThemApart() {
        let values = [[0.1], [0.1]]
        let lightning = [(0, 0), (0, 71), (1, 142)].map {
            Synthetic.candidate(epoch: $0.0, step: $0.1, values: values)
        }
        #expect(Candidate.labels(lightning) == ["epoch 0, step 0", "epoch 0, step 71", "epoch 1, step 142"])
        let steps = [100, 200].map { Synthetic.candidate(epoch: nil, step: $0, values: values) }
        #expect(Candidate.labels(steps) == ["step 100", "step 200"])
        let named = ["a.pt", "b.pt"].map { Synthetic.candidate(epoch: nil, values: values, name: $0) }
        #expect(Candidate.labels(named) == ["a.pt", "b.pt"])
    }
}

struct SpreadTests {
    /// The influences' standard error against the spread of the score over fresh samples of images.
    @Test(arguments: [Negatives.all, .paper], [false, true])
    func standardErrorsMatchTheSpreadOverSamples(negatives: Negatives, contrastive: Bool) throws {
        guard !(contrastive && negatives == .paper) else { return }
        let setting = ScoreSetting(
            distance: .cosine, loss: contrastive ? .infonce(temperature: 0.1) : .hinge(margin: 0.5), level: 1,
            pooling: .flat, negatives: negatives)
        let runs = try (0..<150).map { run in
            try #require(
                scored(
                    [setting], views: Map.randomViews(images: 24, shape: [24, 6, 1, 1], seed: UInt64(run), noise: 0.6),
                    groupSize: 8
                )[setting])
        }
        let mean = runs.reduce(0) { $0 + $1.value } / 150
        let spread = (runs.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) } / 149).squareRoot()
        let claimed = (runs.reduce(0) { $0 + $1.standardError * $1.standardError } / 150).squareRoot()
        #expect((0.8...1.35).contains(claimed / spread), "\(claimed) claimed, \(spread) seen")
    }

    @Test func casesAreTheUnitOnceTenAreKnown() {
        let few = ScoreSpread(cases: [0, 0, 1, 1], imageCount: 4, sharesViews: false)
        #expect(!few.isByCase)
        let cases = (0..<30).map { 100 - $0 / 3 }
        #expect(ScoreSpread(cases: cases, imageCount: 30, sharesViews: false).clusters?.max() == 9)
        #expect(!ScoreSpread(cases: Array(0..<30), imageCount: 30, sharesViews: false).isByCase)
        var totals = ScoreTotals(
            spread: ScoreSpread(cases: cases, imageCount: 30, sharesViews: false), draws: 1, imageCount: 30,
            keepsImages: false)
        for image in 0..<30 {
            let value = Double(cases[image] % 2)
            totals.add(image: image, losses: [value], influence: value)
        }
        // Ten clusters of three equal values, five 0 and five 1: the standard error of ten values.
        #expect(abs(totals.entry(Synthetic.settings[0]).standardError - (0.25 / 9).squareRoot()) < 1e-12)
    }
}

struct RankTests {
    @Test func equalValuesShareTheirRanks() {
        #expect(averageRanks([3, 1, 3, 2]) == [3.5, 1, 3.5, 2])
        #expect(averageRanks([]) == [])
    }

    @Test func spearmanIsTheCorrelationOfRanks() {
        #expect(spearman([1, 2, 3, 4], [10, 20, 25, 90]) == 1)
        #expect(spearman([1, 2, 3], [3, 2, 1]) == -1)
        #expect(spearman([1, 1, 1], [3, 2, 1]) == nil)
        #expect(abs((spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]) ?? 0) - 0.8) < 1e-12)
    }
}
