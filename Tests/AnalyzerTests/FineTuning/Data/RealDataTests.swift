// The real target: fixtures/target as NIfTI, and the same slices as PNG beside the project.

import Engine
import TestSupport
import Testing

@testable import Analyzer

@Suite struct RealLabelledDataTests {
    private func options(_ size: Int) -> TargetOptions {
        var options = TargetOptions()
        (options.preparation.height, options.preparation.width) = (size, size)
        options.dropsEmptySlices = false
        return options
    }

    /// Counts by nibabel; cases.csv of the data says the same.
    @Test func theFixtureTargetHasItsLabelsAndItsTestImages() throws {
        let target = try Target.open([TestData.fixtures + "/target"], options: options(128))
        let data = try SegmentationData.open(target)
        #expect(data.imageCount == 64)
        #expect(data.scheme.description == "background=0,brain=1,deep_grey=2")
        let report = data.report
        #expect(report.groupCount == 8)
        #expect(report.classes.map(\.pixels) == [991811, 604705, 22796])
        #expect(report.classes.map(\.groups) == [8, 8, 3])
        #expect(report.classes.reduce(0) { $0 + $1.pixels } == data.cases.reduce(0) { $0 + $1.height * $1.width * 8 })
        let split = try data.split(validation: 0.25, seed: 1)
        #expect(split.validation.count == 16)
        #expect(split.notes.isEmpty)
        let test = try #require(try SegmentationData.testData(of: data))
        #expect(test.data.imageCount == 40)
        #expect(test.data.cases.map(\.name) == (9...13).map { $0 < 10 ? "brain_00\($0)" : "brain_0\($0)" })
        #expect(test.data.overlap(with: data) == nil)
    }

    @Test(.enabled(if: TestData.shared != nil, "\(TestData.sharedMissing)"))
    func thePNGsOfTheReferenceTrainingAreReadUnchanged() throws {
        let place = try #require(TestData.shared) + "/bundle/target/T1_brain/png/train"
        let data = try SegmentationData.open(Target.open([place], options: options(128)))
        #expect(data.imageCount == 64)
        #expect(data.scheme.values == [0, 1, 2])
        #expect(data.report.groupCount == 8)
        let test = try #require(try SegmentationData.testData(of: data))
        #expect(test.data.imageCount == 40)
        #expect(test.explanation.hasSuffix("png/test beside \(place)"))
        let feed = try TrainingFeed(
            data, images: Array(0..<64), channels: 3, normalization: .unit, options: .evaluation(batchSize: 64))
        let batch = try feed.batch(0, 0)
        #expect(batch.values.count == 64 * 3 * 128 * 128)
        for image in 0..<64 {
            let bytes = try data.target.image(image)
            #expect(batch.values[image * 3 * 16384..<(image * 3 + 1) * 16384].elementsEqual(bytes))
        }
        #expect(batch.labels.count { $0 == 2 } == data.report.classes[2].pixels)
    }
}
