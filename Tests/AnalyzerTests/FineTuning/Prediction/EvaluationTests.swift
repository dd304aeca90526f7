// A network measured on labelled cases: in the files' own frame, and quickly in its own.

import Engine
import Formats
import FoundationEssentials
import TestSupport
import Testing

@testable import Analyzer

@Suite struct EvaluationTests {
    private func volume(_ values: [Int16], _ shape: [Int], spacing: SIMD3<Double> = [1, 2, 5]) throws -> Volume {
        // Stored upside down and back to front, so that slices are not in the file's order.
        let linear = Matrix3(columns: [-spacing.x, 0, 0], [0, spacing.y, 0], [0, 0, -spacing.z])
        return try Volume(
            voxels: TensorView(dtype: .int16, shape: Shape(shape.reversed()), bytes: Bytes(copying: values)),
            geometry: VolumeGeometry(affine: Affine(linear: linear, translation: [10, 20, 30])))
    }

    private func open(_ tree: TargetTree, _ predictor: Predictor, dropsEmpty: Bool = true) throws -> Target {
        var options = predictor.preparation.targetOptions(threads: 2)
        options.dropsEmptySlices = dropsEmpty
        return try Target.open([tree.path], options: options)
    }

    @Test func aVolumeIsMeasuredWholeInItsOwnFrame() throws {
        var image = levels(6 * 5 * 4)
        for index in 60..<90 { image[index] = 90 }  // one slice of one value: left out of the target
        var truth = image.map { $0 > 50 ? 2 : 0 } as [Int16]
        for index in [3, 17, 40, 55] { truth[index] = 2 - truth[index] }
        try TargetTree.make { tree in
            try volume(image, [6, 5, 4]).write(to: tree("imagesTr/c1_0000.nii.gz"))
            try volume(truth, [6, 5, 4]).write(to: tree("labelsTr/c1.nii.gz"))
            let predictor = try thresholdPredictor(height: 5, width: 6, values: [0, 2])
            let target = try open(tree, predictor)
            #expect(target.imageCount == 3)
            let results = try predictor.evaluate(target)
            let predicted = image.enumerated().map { (index, value) -> Int in
                60..<90 ~= index ? 0 : value > 50 ? 1 : 0
            }
            let hits = zip(predicted, truth).count { $0 == 1 && $1 == 2 }
            let expected = 2 * Double(hits) / Double(predicted.count { $0 == 1 } + truth.count { $0 == 2 })
            #expect(results.pooled[.dice, 0] == expected)
            #expect(results.cases.map(\.name) == ["c1"])
            #expect(results.imageCount == 4)
            #expect(results.unit == .millimetres)
            // Certain probabilities: the area is that of a single step.
            let counts = results.confusion[1]
            let sensitivity = try #require(counts[.sensitivity]), specificity = try #require(counts[.specificity])
            let area = try #require(results.pooled[.rocAUC, 0])
            #expect(abs(area - (sensitivity + specificity) / 2) < 0.1)
        }
    }

    @Test func distancesAreInMillimetresAlongTheRightAxes() throws {
        // One voxel, and the truth one step further along each axis in turn.
        let steps = [(1, 1.0), (6, 2.0), (30, 5.0)]
        for (step, distance) in steps {
            var image = [Int16](repeating: 10, count: 120), truth = [Int16](repeating: 0, count: 120)
            image[30 + 6 + 1] = 90
            truth[30 + 6 + 1 + step] = 1
            try TargetTree.make { tree in
                try volume(image, [6, 5, 4]).write(to: tree("imagesTr/c1_0000.nii.gz"))
                try volume(truth, [6, 5, 4]).write(to: tree("labelsTr/c1.nii.gz"))
                let predictor = try thresholdPredictor(height: 5, width: 6)
                let results = try predictor.evaluate(try open(tree, predictor, dropsEmpty: false))
                #expect(results.byCase[.hausdorff95, 0] == distance)
                #expect(results.pooled[.dice, 0] == 0)
            }
        }
    }

    @Test func slicesOfOnePatientAreOneCase() throws {
        try TargetTree.make { tree in
            for (index, name) in ["p1_s01", "p1_s02", "p2_s07", "p1_s03"].enumerated() {
                let pixels = levels(30, seed: index + 1)
                try tree.png("images/\(name).png", pixels, height: 5, width: 6)
                var truth = pixels.map { $0 > 50 ? 1 : 0 } as [Int16]
                if name == "p2_s07" { truth[0] = 1 - truth[0] }
                try tree.png("masks/\(name).png", truth, height: 5, width: 6)
            }
            let predictor = try thresholdPredictor(height: 5, width: 6, batchSize: 2)
            let target = try open(tree, predictor)
            let results = try predictor.evaluate(target)
            #expect(results.cases.map(\.name) == ["p1", "p2_s07"])
            #expect(results.cases.map(\.imageCount) == [3, 1])
            #expect(results.cases[0].values[.dice, 0] == 1)
            #expect(results.cases[1].confusion.counts.reduce(0, +) == 30)
            #expect(results.unit == .pixels)
            var options = EvaluationOptions()
            options.samples = [try #require(target.samples.firstIndex { $0.caseName == "p2_s07" })]
            options.metrics = [.dice]
            let part = try predictor.evaluate(target, options)
            #expect(part.cases.map(\.name) == ["p2_s07"])
            #expect(part.cases[0].values[.dice, 0] == results.cases[1].values[.dice, 0])
        }
    }

    @Test func quickDiceEqualsTheMeasureWhereNothingIsResized() throws {
        try TargetTree.make { tree in
            for index in 0..<5 {
                let pixels = levels(30, seed: index + 1)
                try tree.png("images/i\(index).png", pixels, height: 5, width: 6)
                var truth = pixels.map { $0 > 84 ? 2 : $0 > 50 ? 1 : 0 } as [Int16]
                truth[index] = 9  // to be ignored
                truth[10] = 2
                try tree.png("masks/i\(index).png", truth, height: 5, width: 6)
            }
            let predictor = try thresholdPredictor(height: 5, width: 6, thresholds: [0.5, 0.82], batchSize: 2)
            let target = try open(tree, predictor)
            var options = EvaluationOptions()
            options.ignoreValue = 9
            let results = try predictor.evaluate(target, options)
            let quick = try predictor.quickDice(target, ignoreValue: 9)
            #expect(quick.confusion == results.confusion)
            #expect(quick.confusion.ignored == 5)
            #expect(quick.perClass == results.pooled[.dice])
            #expect(quick.mean == results.pooled.mean(.dice))
            #expect((quick.mean ?? 1) < 1)
        }
    }

    @Test func labelsThatAreNoClassesAreNamed() throws {
        try TargetTree.make { tree in
            try tree.png("images/a.png", levels(30), height: 5, width: 6)
            try tree.png("masks/a.png", [Int16](repeating: 7, count: 30), height: 5, width: 6)
            let predictor = try thresholdPredictor(height: 5, width: 6)
            let target = try open(tree, predictor)
            let message = "ROOT/masks/a.png: expected labels 0, 1, found label 7; is this the model's task?"
            #expect(tree.refusal { try predictor.evaluate(target) } == message)
            #expect(tree.refusal { try predictor.quickDice(target) } == message)
        }
    }

    @Test func targetsWithoutLabelsOrOfAnotherPreparationAreRefused() throws {
        try TargetTree.make { tree in
            try tree.png("images/a.png", levels(30), height: 5, width: 6)
            let predictor = try thresholdPredictor(height: 5, width: 6)
            #expect(
                tree.refusal { try predictor.evaluate(try open(tree, predictor)) }
                    == "ROOT: expected cases with a segmentation, found none")
            let other = try Target.open([tree.path])
            #expect(tree.refusal { try predictor.evaluate(other) }.contains("the target's preparation"))
        }
    }

    @Test func aMaskOfAnotherSizeIsRefused() throws {
        try TargetTree.make { tree in
            try tree.png("images/a.png", levels(30), height: 5, width: 6)
            try tree.png("masks/a.png", [Int16](repeating: 0, count: 30), height: 6, width: 5)
            let predictor = try thresholdPredictor(height: 5, width: 6)
            #expect(
                tree.refusal { try predictor.evaluate(try open(tree, predictor)) }
                    == "ROOT/masks/a.png: mask: expected 5×6 as its image, found 6×5; give the mask of this very image")
        }
    }
}
