// What is written for images, masks and arrays; sizes, fits, batches and failures.

import Engine
import Formats
import FoundationEssentials
import TestSupport
import Testing

@testable import Analyzer

@Suite struct PredictionTests {
    private func mask(_ path: String) throws -> [Int32] { try PNGImage(reading: path).labels().values }

    // MARK: Values and types

    @Test func masksHoldTheClassesValuesInATypeThatHoldsThemAll() throws {
        let pixels = levels(30)
        for (values, depth) in [([0, 255], 8), ([0, 300], 16)] as [([Int32], Int)] {
            try TargetTree.make { tree in
                try tree.png("in/a_0000.png", pixels, height: 5, width: 6)
                let report = try tree.predict("in", try thresholdPredictor(height: 5, width: 6, values: values))
                #expect(report.cases.map(\.output) == ["\(tree.path)/out/a.png"])
                let image = try PNGImage(reading: "\(tree.path)/out/a.png")
                #expect(image.depth == depth)
                #expect(image.colorType == .gray)
                #expect(try image.labels().values == pixels.map { $0 > 50 ? values[1] : 0 })
                #expect(report.cases[0].milliliters(of: 1) == nil)
            }
        }
    }

    @Test func volumesTakeTheSmallestTypeOfTheClassesWhicheverOccur() throws {
        for (values, type) in [([0, 4], .uint8), ([-1, 4], .int16), ([0, 40000], .uint16), ([0, 70000], .int32)]
            as [([Int32], DType)]
        {
            try TargetTree.make { tree in
                try tree.volume("v.nii.gz", [4, 3, 2], spacing: [1, 1, 5], base: -1000)  // all below the threshold
                let predictor = try thresholdPredictor(height: 3, width: 4, values: values)
                try tree.predict("v.nii.gz", predictor)
                let labels = try Volume(reading: "\(tree.path)/out/v.nii.gz")
                #expect(labels.type == .scalar(type))
                #expect(try labels.labels().values.allSatisfy { $0 == values[0] })
            }
        }
    }

    @Test func manyClassesGoToTheLargestOfThem() throws {
        let pixels: [Int16] = [5, 30, 60, 90, 10, 40, 70, 95, 20, 35, 55, 85]
        try TargetTree.make { tree in
            try tree.png("a.png", pixels, height: 3, width: 4)
            let predictor = try thresholdPredictor(
                height: 3, width: 4, thresholds: [0.25, 0.5, 0.8], values: [0, 10, 20, 30])
            let report = try tree.predict("a.png", predictor)
            #expect(try mask("\(tree.path)/out/a.png") == [0, 10, 20, 30, 0, 10, 20, 30, 0, 10, 20, 30])
            #expect(report.cases[0].counts == [3, 3, 3, 3])
        }
    }

    @Test func anArrayOfImagesBecomesAnArrayOfMasks() throws {
        let pixels = levels(3 * 5 * 6)
        try TargetTree.make { tree in
            let view = TensorView(dtype: .int16, shape: [3, 5, 6], bytes: Bytes(copying: pixels))
            try NumPy.write(view, to: tree("a.npy"))
            let report = try tree.predict("a.npy", try thresholdPredictor(height: 5, width: 6))
            let masks = try NumPy.readArray("\(tree.path)/out/a.npy")
            #expect(masks.shape == [3, 5, 6] && masks.dtype == .uint8)
            #expect(masks.bytes.array == pixels.map { $0 > 50 ? 1 : 0 })
            #expect(report.cases[0].imageCount == 3)
        }
    }

    @Test func anImageOfOneValueIsBackgroundHoweverBright() throws {
        try TargetTree.make { tree in
            try tree.png("in/a.png", [Int16](repeating: 90, count: 12), height: 3, width: 4)
            try tree.png("in/b.png", levels(12), height: 3, width: 4)
            try tree.predict("in", try thresholdPredictor(height: 3, width: 4))
            #expect(try mask("\(tree.path)/out/a.png") == [Int32](repeating: 0, count: 12))
            #expect(try mask("\(tree.path)/out/b.png") == levels(12).map { $0 > 50 ? 1 : 0 })
        }
    }

    // MARK: Sizes

    @Test func probabilitiesAreEnlargedBilinearly() {
        let logits: [Float] = [-40, 40]
        let back = FrameReturn(
            frame: (1, 2), box: ImageBox(top: 0, left: 0, height: 1, width: 4), image: (1, 4))
        let classes = logits.withUnsafeBufferPointer { back($0, channels: 1, wantsProbabilities: true) }
        // As torch's interpolate(mode="bilinear", align_corners=False).
        #expect(zip(classes.probabilities, [0, 0.25, 0.75, 1]).allSatisfy { abs($0.0 - $0.1) < 1e-6 })
        #expect(classes.labels == [0, 0, 1, 1])
        let pair: [Float] = [1, 1, 0, 2]
        let two = pair.withUnsafeBufferPointer { back($0, channels: 2, wantsProbabilities: true) }
        let low = 1 / (1 + Float(0.36787944)), high = low
        #expect(abs(two.probabilities[0] - low) < 1e-6 && abs(two.probabilities[7] - high) < 1e-6)
        #expect(two.labels == [0, 0, 1, 1])
    }

    @Test(arguments: [(20, 40), (40, 20)])
    func paddedImagesComeBackWithoutTheirBorder(height: Int, width: Int) throws {
        let pixels = levels(height * width)
        try TargetTree.make { tree in
            try tree.png("a.png", pixels, height: height, width: width)
            try tree.predict(
                "a.png", try thresholdPredictor(height: 40, width: 40) { $0.preparation.fit = .pad })
            #expect(try mask("\(tree.path)/out/a.png") == pixels.map { $0 > 50 ? 1 : 0 })
        }
    }

    @Test func croppedImagesAreBackgroundWhereTheFrameDidNotReach() throws {
        let pixels = levels(20 * 40)
        try TargetTree.make { tree in
            try tree.png("a.png", pixels, height: 20, width: 40)
            try tree.predict(
                "a.png", try thresholdPredictor(height: 20, width: 20) { $0.preparation.fit = .crop })
            let expected = pixels.enumerated().map { (index, value) -> Int32 in
                10..<30 ~= index % 40 && value > 50 ? 1 : 0
            }
            #expect(try mask("\(tree.path)/out/a.png") == expected)
        }
    }

    @Test func anotherSizeIsResizedThereAndBack() throws {
        // A bright disc of radius 20 in 64×96 pixels, by a network of 32×32.
        let pixels = (0..<64 * 96).map { index -> Int16 in
            let (row, column) = (Double(index / 96) - 32, Double(index % 96) - 40)
            return row * row + column * column < 400 ? 90 : 10
        }
        try TargetTree.make { tree in
            try tree.png("a.png", pixels, height: 64, width: 96)
            try tree.predict("a.png", try thresholdPredictor(height: 32, width: 32))
            let found = try mask("\(tree.path)/out/a.png")
            #expect(found.count == 64 * 96)
            let wrong = zip(found, pixels).count { ($0 == 1) != ($1 > 50) }
            #expect(wrong < 60, "\(wrong) of 6144 pixels, all along the border")
        }
    }

    // MARK: Batches

    @Test func neitherBatchesNorThreadsChangeAPixel() throws {
        try TargetTree.make { tree in
            for index in 0..<7 {
                try tree.png("in/a\(index).png", levels(40 * 30, seed: index + 1), height: 40, width: 30)
            }
            try tree.volume("in/v.nii.gz", [9, 8, 5])
            func probabilities(_ batch: Int, _ threads: Int) throws -> [[UInt8]] {
                // A network that resizes, so that every probability is a number of its own.
                let predictor = try thresholdPredictor(height: 16, width: 24, batchSize: batch, threads: threads)
                let report = try tree.predict("in", predictor) {
                    $0.keepsProbabilities = true
                    $0.overwrites = true
                }
                return try report.cases.map { predicted in
                    let path = try #require(predicted.probabilities)
                    return Array(try Data(contentsOf: URL(filePath: path)))
                }
            }
            let first = try probabilities(4, 1)
            #expect(first.count == 8)
            #expect(try probabilities(4, 2) == first)
            #expect(try probabilities(4, 3) == first)
            let masks = try TestData.files(in: tree.path + "/out").filter { !$0.contains("prob") }
            let before = try masks.map { try Data(contentsOf: URL(filePath: "\(tree.path)/out/\($0)")) }
            _ = try probabilities(1, 2)
            _ = try probabilities(64, 2)
            #expect(try masks.map { try Data(contentsOf: URL(filePath: "\(tree.path)/out/\($0)")) } == before)
        }
    }

    @Test func probabilitiesLieWithTheirVoxels() throws {
        try TargetTree.make { tree in
            try tree.volume("v.nii.gz", [4, 3, 2], spacing: [1, 1, 5])
            let predictor = try thresholdPredictor(height: 3, width: 4, thresholds: [0.5, 2.005])
            let report = try tree.predict("v.nii.gz", predictor) { $0.keepsProbabilities = true }
            let path = try #require(report.cases.first?.probabilities)
            let values = try Volume(reading: path)
            #expect(values.shape == [4, 3, 2, 3])
            #expect(values.type == .scalar(.float32))
            let source = try Volume(reading: "\(tree.path)/v.nii.gz")
            #expect(values.geometry == source.geometry)
            let expected = source.floats().map { $0 >= 50 ? 1 : 0 } as [Float]  // 100 at least, clamped to 1
            let found = Array(values.floats()[24..<48])
            #expect(zip(found, expected).allSatisfy { abs($0.0 - $0.1) < 1e-4 })
        }
    }

    // MARK: Files

    @Test func filesOfSeveralChannelsAreCasesNotImagesOfTheirOwn() throws {
        try TargetTree.make { tree in
            for case_ in 0..<2 {
                for channel in 0..<2 { try tree.volume("in/p\(case_)_000\(channel).nii.gz", base: 1000 * channel) }
            }
            let report = try tree.predict("in", try thresholdPredictor(height: 3, width: 4))
            #expect(report.cases.map(\.name) == ["p0", "p1"])
            #expect(try TestData.files(in: tree.path + "/out") == ["p0.nii.gz", "p1.nii.gz"])
            let second = try thresholdPredictor(height: 3, width: 4) { $0.channels = [2] }
            #expect(
                tree.refusal { try tree.predict("in", second) }
                    == "ROOT/in/p0_0000.nii.gz: case p0: expected a file for channel 2, as the model takes, "
                    + "found channels 0, 1; give all channels that the model was trained on"
            )
        }
    }

    @Test func aFileOfSeveralFramesHasOneSegmentedAndThatIsSaid() throws {
        try TargetTree.make { tree in
            let source = try tree.volume("v.nii.gz", [4, 3, 2], base: -100, frames: 3)
            let predictor = try thresholdPredictor(height: 3, width: 4) { $0.sliceAxis = .world(2) }
            let report = try tree.predict("v.nii.gz", predictor)
            #expect(report.notes.last == "v: of the 3 frames of its fourth axis one is segmented")
            let labels = try Volume(reading: report.cases[0].output)
            #expect(labels.shape == [4, 3, 2])
            #expect(try labels.labels().values == source.floats().prefix(24).map { $0 > 50 ? 1 : 0 })
        }
    }

    @Test func aDamagedCaseIsLeftOutAndTheOthersGoOn() throws {
        try TargetTree.make { tree in
            for index in [1, 3] { try tree.volume("in/c\(index).nii.gz") }
            try tree.text("in/c2.nii.gz", "<html>")
            try tree.volume("in/c4.nii.gz", [3, 3, 3])
            let report = try tree.predict("in", try thresholdPredictor(height: 3, width: 4, batchSize: 64))
            #expect(report.cases.map(\.name) == ["c1", "c3", "c4"])
            #expect(report.failures.map(\.name) == ["c2"])
            #expect(report.failures[0].reason.contains("c2.nii.gz: this is a web page"))
            #expect(try TestData.files(in: tree.path + "/out") == ["c1.nii.gz", "c3.nii.gz", "c4.nii.gz"])
        }
    }

    @Test func coloursAreRefusedByAModelOfGreyImages() throws {
        try TargetTree.make { tree in
            let colors = TensorView(
                dtype: .uint8, shape: [2, 2, 3], bytes: Bytes(copying: (0..<12).map { UInt8($0 * 20) }))
            try PNGImage(samples: colors).write(to: tree("in/c.png"))
            let report = try tree.predict("in", try thresholdPredictor(height: 2, width: 2))
            #expect(report.cases.isEmpty)
            #expect(
                report.failures.map(\.reason) == [
                    "\(tree.path)/in/c.png: expected grey images, as the model was trained on, found 3 channels"
                ])
            let known = try tree.predict("in", try thresholdPredictor(height: 2, width: 2, imageChannels: 3))
            #expect(known.failures.isEmpty)
        }
    }

    @Test func anImageIsNeverReplacedByItsMask() throws {
        try TargetTree.make { tree in
            try tree.png("in/a.png", levels(12), height: 3, width: 4)
            let predictor = try thresholdPredictor(height: 3, width: 4)
            let refusal = tree.refusal {
                try tree.predict("in", predictor) {
                    $0.out = tree.path + "/in"
                    $0.overwrites = true
                }
            }
            #expect(refusal == "ROOT/in/a.png: cannot write: it is one of the images; choose another folder")
            #expect(try mask("\(tree.path)/in/a.png") == levels(12).map { Int32($0) })
        }
    }

    @Test func stoppingEarlyKeepsWhatIsFinished() throws {
        try TargetTree.make { tree in
            for index in 1...6 { try tree.volume("in/c\(index).nii.gz") }
            let predictor = try thresholdPredictor(height: 3, width: 4, batchSize: 2)
            let job = try PredictionJob(
                [tree.path + "/in"], predictor, options: PredictionOptions(out: tree.path + "/out"))
            var finished = 0
            #expect(throws: AnalyzerError.cancelled) {
                try job.run(predictor, isCancelled: { finished >= 3 }) { event in
                    if case .progress(_, _, let done, let total) = event, done == total { finished += 1 }
                }
            }
            #expect(try TestData.files(in: tree.path + "/out") == ["c1.nii.gz", "c2.nii.gz", "c3.nii.gz"])
        }
    }
}
