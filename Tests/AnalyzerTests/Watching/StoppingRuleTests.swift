// When the rule of `ripe watch` says stop, and when it must not.

import Testing

@testable import Analyzer

struct StoppingRuleTests {
    private func advice(
        _ means: [Double], patience: Int = 3, minEpochs: Int = 0, noise: Double = 0.02, seed: UInt64 = 1
    ) -> StoppingRule.Advice {
        StoppingRule(patience: patience, minEpochs: minEpochs).advice(
            Synthetic.sequence(means, noise: noise, seed: seed), decidedBy: Synthetic.settings,
            spread: Synthetic.spread,
            seed: 5, resamplings: 400)
    }

    @Test func scoresThatNoLongerImproveStop() {
        let advice = advice([0.5, 0.4, 0.3, 0.35, 0.36, 0.34])
        #expect(advice.stops)
        #expect(
            advice.reason
                == "none of the last 3 checkpoints (epoch 4 to epoch 6) beats epoch 3, the best before, by more "
                + "than the noise (95 % confidence)")
    }

    @Test func anImprovementWithinThePatienceGoesOn() {
        let advice = advice([0.5, 0.4, 0.3, 0.35, 0.2, 0.34])
        #expect(!advice.stops)
        #expect(
            advice.reason == "epoch 5 beats epoch 3, the best before it, by more than the noise (95 % confidence)")
    }

    @Test func anImprovementWithinTheNoiseDoesNotCount() {
        // Lower by a tenth of the standard error of the difference, about 0.05·√2/√100.
        #expect(advice([0.5, 0.4, 0.3, 0.2995, 0.2995, 0.2995], noise: 0.05, seed: 2).stops)
    }

    @Test func asManyCheckpointsAsThePatienceAreNotEnough() {
        let advice = advice([0.3, 0.4, 0.4])
        #expect(!advice.stops)
        #expect(advice.reason == "3 of at least 4 checkpoints are scored that the rule needs")
    }

    @Test func theRuleIsSilentBeforeItsFirstEpoch() {
        let means = [0.3, 0.4, 0.4, 0.4, 0.4]
        #expect(advice(means, minEpochs: 6).reason == "epoch 5 is before epoch 6, where the rule begins")
        #expect(advice(means, minEpochs: 5).stops)
    }

    @Test func aPatienceOfOneSpeaksOfOneCheckpoint() {
        #expect(
            advice([0.5, 0.3, 0.4], patience: 1).reason
                == "the last checkpoint (epoch 3) does not beat epoch 2, the best before, by more than the noise "
                + "(95 % confidence)")
    }

    /// With patience 5 on equal checkpoints each look may be fooled in 5 % of runs, not in more.
    @Test func noiseAloneSeldomKeepsATrainingGoing() {
        let goingOn = (0..<60).count { run in
            !advice([Double](repeating: 0.4, count: 8), patience: 5, noise: 0.05, seed: UInt64(100 + run)).stops
        }
        #expect(goingOn <= 8)
    }

    @Test func untrainedCheckpointsAndCopiesDoNotCount() {
        var candidates = Synthetic.sequence([0.9, 0.3, 0.4, 0.4], noise: 0.02, seed: 3)
        for index in candidates.indices { candidates[index].epoch = index }
        let advice = StoppingRule(patience: 3).advice(
            candidates, decidedBy: Synthetic.settings, spread: Synthetic.spread, seed: 5)
        #expect(advice.reason == "3 of at least 4 checkpoints are scored that the rule needs")
    }
}
