// Divisions by patient, folds, and what is told when a class cannot be on both sides.

import Testing

@testable import Analyzer

@Suite struct SplitPlannerTests {
    private func planner(_ classes: [Set<Int>], seed: UInt64) -> SplitPlanner {
        SplitPlanner(classes.enumerated().map { GroupContent(group: $0, classes: $1) }, seed: seed)
    }

    @Test func theSameSeedHoldsBackTheSameGroupsAndSeedsDiffer() {
        let groups = [Set<Int>](repeating: [1], count: 20)
        let held = (1...20).map { planner(groups, seed: $0).held(4) }
        #expect(held.allSatisfy { $0.count == 4 })
        #expect(held == (1...20).map { planner(groups, seed: $0).held(4) })
        #expect(Set(held).count > 15)
        // Every group has its turn.
        #expect(held.reduce(into: Set<Int>()) { $0.formUnion($1) }.count == 20)
    }

    @Test func atLeastOneGroupIsHeldBackAndOneIsKept() {
        let groups = [Set<Int>](repeating: [1], count: 3)
        #expect(planner(groups, seed: 1).held(0).count == 1)
        #expect(planner(groups, seed: 1).held(3).count == 2)
    }

    @Test(arguments: 1...40)
    func theLastGroupWithAClassStaysInTrainingAndValidationSeesWhatItCan(seed: UInt64) {
        // Class 2 is in groups 0 and 5, class 3 in group 3 alone.
        let groups: [Set<Int>] = [[1, 2], [1], [1], [1, 3], [1], [1, 2], [1], []]
        let held = planner(groups, seed: seed).held(2)
        #expect(!held.contains(3))
        #expect(held.intersection([0, 5]).count == 1)
    }

    @Test(arguments: 1...40)
    func foldsAreOfEqualSizeAndShareRareClassesOut(seed: UInt64) {
        let groups: [Set<Int>] = [[1, 2], [1], [1], [1, 2], [1], [1, 2], [1], [], [1], [1], [1]]
        let parts = planner(groups, seed: seed).dealt(into: 3)
        let sizes = (0..<3).map { part in parts.count { $0 == part } }
        #expect(sizes.sorted() == [3, 4, 4])
        #expect(Set([0, 3, 5].map { parts[$0] }) == [0, 1, 2])
        #expect(parts == planner(groups, seed: seed).dealt(into: 3))
    }
}

@Suite struct DataSplitTests {
    /// Five cases of two images; cases b and d have class 2.
    private func withData<Result>(_ body: (SegmentationData) throws -> Result) throws -> Result {
        try TargetTree.make { tree in
            try tree.nnunet([1, 2, 1, 2, 1])
            return try body(tree.labelled())
        }
    }

    @Test func imagesOfACaseNeverPart() throws {
        try withData { data in
            for seed in 1...10 {
                let split = try data.split(validation: 0.4, seed: UInt64(seed))
                #expect(split.validation.count == 4)
                #expect((split.training + split.validation).sorted() == Array(0..<10))
                let groups = { (images: [Int]) in Set(images.map { data.images[$0].group }) }
                #expect(groups(split.training).isDisjoint(with: groups(split.validation)))
                #expect(split.notes.isEmpty)
                #expect(try split == data.split(validation: 0.4, seed: UInt64(seed)))
            }
        }
    }

    @Test func everyImageIsValidatedOnceOverTheFolds() throws {
        try withData { data in
            let folds = try data.folds(5, seed: 3)
            #expect(folds.flatMap(\.validation).sorted() == Array(0..<10))
            #expect(folds.allSatisfy { $0.training.count == 8 && $0.validation.count == 2 })
            #expect(folds.count { $0.notes == ["no validation image shows 'class 2': it is not measured there"] } == 3)
            #expect(try data.folds(2, seed: 3).allSatisfy { $0.notes.isEmpty })
        }
    }

    @Test func nothingHeldBackIsSaid() throws {
        try withData { data in
            let split = try data.split(validation: 0, seed: 1)
            #expect(split.training == Array(0..<10) && split.validation.isEmpty)
            #expect(split.notes.first?.hasPrefix("there are no validation images") == true)
        }
    }

    @Test func foldsAndSharesThatMeanNothingAreRefused() throws {
        try withData { data in
            #expect(
                throws: AnalyzerError.option(
                    name: "--folds", value: "6", expected: "2 to 5, the number of cases that can be told apart")
            ) { try data.folds(6, seed: 1) }
            #expect(throws: AnalyzerError.self) { try data.folds(1, seed: 1) }
            #expect(throws: AnalyzerError.self) { try data.split(validation: 1, seed: 1) }
            #expect(throws: AnalyzerError.self) { try data.split(validation: .nan, seed: 1) }
        }
    }

    @Test func aSingleCaseIsNeverDividedButCanBeTrainedOn() throws {
        try TargetTree.make { tree in
            try tree.nnunet([2])
            let data = try tree.labelled { _, target in (target.preparation.height, target.preparation.width) = (3, 4) }
            #expect(data.warnings.map(\.kind) == [.oneGroup])
            #expect(
                tree.refusal { try data.split(validation: 0.2, seed: 1) }
                    == "--validation '0.2': expected 0, because all images are of one case (a) and are never divided "
                    + "within a case; add cases, or train on everything and give other test data")
            #expect(tree.refusal { try data.folds(2, seed: 1) }.hasPrefix("--folds '2': expected 0, because"))
            #expect(try data.split(validation: 0, seed: 1).training == [0, 1])
        }
    }

    @Test func aClassOfOneCaseOnlyIsTold() throws {
        try TargetTree.make { tree in
            try tree.nnunet([1, 2, 1])
            let data = try tree.labelled { _, target in (target.preparation.height, target.preparation.width) = (3, 4) }
            #expect(
                data.warnings.map(\.message) == [
                    "class 'class 2' is in one case only (b): it can be trained or validated on, not both"
                ])
            #expect(
                try data.split(validation: 0.5, seed: 1).notes == [
                    "no validation image shows 'class 2': it is not measured there"
                ])
        }
    }
}

@Suite struct ClassWeightingTests {
    @Test func weightsFollowTheirFormulas() throws {
        // Shares .9, .09 and, in the half of the pixels that have it, .04.
        let (pixels, available) = ([900, 90, 20], [1000, 1000, 500])
        let median = ClassWeighting.medianFrequency.weights(pixels: pixels, available: available)
        #expect(zip(median, [0.1, 1, 2.25]).allSatisfy { abs($0 - $1) < 1e-12 })
        let root = ClassWeighting.inverseSquareRoot.weights(pixels: pixels, available: available)
        #expect(zip(root, [Double(0.1).squareRoot(), 1, 1.5]).allSatisfy { abs($0 - $1) < 1e-12 })
        let inverse = ClassWeighting.inverse.weights(pixels: pixels, available: available)
        let mean = (1 / 0.9 + 1 / 0.09 + 1 / 0.04) / 3
        #expect(zip(inverse, [0.1, 1 / 0.09 / mean, 1 / 0.04 / mean]).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    @Test func weightsAreClippedAndMissingClassesGetOne() {
        #expect(
            ClassWeighting.medianFrequency.weights(pixels: [1_000_000, 1, 0], available: [1_000_001, 1_000_001, 0])
                .last == 1)
        let weights = ClassWeighting.medianFrequency.weights(
            pixels: [1_000_000, 1], available: [1_000_001, 1_000_001])
        #expect(weights[1] == 10)
        #expect(weights[0] >= 0.1)
    }

    @Test func onlyTheGivenImagesCount() throws {
        try TargetTree.make { tree in
            try tree.pictures([("a", [0, 1, 0, 0, 0, 0]), ("b", [1, 1, 1, 0, 0, 0])])
            let data = try tree.labelled()
            #expect(data.classWeights(of: [1]) == [1, 1])
            let weights = data.classWeights(of: [0], by: .medianFrequency)
            #expect(weights == [0.5 / (5.0 / 6), 0.5 / (1.0 / 6)])
        }
    }
}
