// Augmentation in words, and what is drawn.

import Testing

@testable import Analyzer

@Suite struct AugmentationOptionsTests {
    @Test(arguments: [
        ("none", "none"), ("flips", "flips"), ("hflip", "flips"), ("hflip=0.5,vflip=0.25", "flips,vflip=0.25"),
        ("flips,rotate=180,scale=0.2", "flips,rotate=180,scale=0.2"), ("rot90,elastic", "rot90,elastic=0.03"),
        ("crop=0.5, translate=0.1", "translate=0.1,crop=0.5"), ("jitter", "jitter=0.1:0.05:0.1:0.05"),
        ("brightness=0.1,gamma=0.3", "brightness=0.1,gamma=0.3"), ("paper-acdc", "vflip,rotate=180"),
        ("paper-acdc,rotate=30", "vflip,rotate=30"),
        ("paper-idrid", "flips,vflip,crop=0.5,jitter=0.1:0.05:0.1:0.05"),
    ])
    func textIsReadAndWrittenTheSame(text: String, written: String) throws {
        let options = try AugmentationOptions(parsing: text)
        #expect(options.description == written)
        #expect(try AugmentationOptions(parsing: written) == options)
    }

    @Test(arguments: [
        ("rotate", "--augment 'rotate': expected rotate=NUMBER from 0 to 180"),
        ("flips,scale=2", "--augment 'scale=2': expected scale=NUMBER from 0 to 0.9"),
        ("crop=nan", "--augment 'crop=nan': expected crop=NUMBER from 0.1 to 1"),
        (
            "jitter=1:2",
            "--augment 'jitter=1:2': expected jitter=BRIGHTNESS:CONTRAST:SATURATION:HUE from 0 to 1, the hue to 0.5"
        ),
        (
            "mixup",
            "--augment 'mixup': expected none, or some of flips, hflip, vflip, rotate=DEGREES, rot90, scale=S, "
                + "translate=S, crop=S, elastic[=S], jitter[=B:C:S:H], brightness=S, gamma=S, paper-acdc, paper-idrid"
        ),
    ])
    func otherTextIsRefusedWithWhatIsMeant(text: String, message: String) {
        #expect {
            try AugmentationOptions(parsing: text)
        } throws: { "\($0)" == message }
    }

    @Test func strengthsOutOfRangeAreRefusedHoweverTheyAreGiven() {
        var options = AugmentationOptions()
        options.scale = .nan
        #expect(throws: AnalyzerError.self) {
            try Augmenter(options, shape: ImageShape(channels: 1, height: 4, width: 4), seed: 1)
        }
        #expect(throws: AnalyzerError.self) {
            try Augmenter(AugmentationOptions(), shape: ImageShape(channels: 2, height: 4, width: 4), seed: 1)
        }
    }
}

@Suite struct AugmentationDrawTests {
    private func draws(_ text: String, count: Int = 4000, seed: UInt64 = 7) throws -> [AugmentationDraw] {
        let options = try AugmentationOptions(parsing: text)
        return (0..<count).map { image in
            AugmentationDraw(options, size: (100, 200), seed: seed, identity: UInt64(image), epoch: image % 10)
        }
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    @Test func drawsHaveTheRangesAndMeansThatWereAskedFor() throws {
        let draws = try draws("hflip=0.25,vflip=0.75,rotate=90,scale=0.2,translate=0.1,crop=0.5,gamma=1,brightness=0.2")
        #expect(abs(mean(draws.map { $0.flipsHorizontally ? 1 : 0 }) - 0.25) < 0.03)
        #expect(abs(mean(draws.map { $0.flipsVertically ? 1 : 0 }) - 0.75) < 0.03)
        #expect(draws.allSatisfy { abs($0.angle) <= 90 && 0.8...1.2 ~= $0.scale && 0.5...1 ~= $0.cropSide })
        #expect(abs(mean(draws.map(\.angle))) < 3)
        #expect(abs(mean(draws.map { abs($0.angle) }) - 45) < 2)
        #expect(abs(mean(draws.map(\.scale)) - 1) < 0.01)
        #expect(abs(mean(draws.map(\.cropSide)) - 0.75) < 0.01)
        #expect(
            draws.allSatisfy { abs($0.shift.x) <= 20 && abs($0.shift.y) <= 10 && $0.shift.x.rounded() == $0.shift.x })
        #expect(draws.map(\.shift.x).max() == 20 && draws.map(\.shift.y).min() == -10)
        // A crop never leaves the image.
        #expect(draws.allSatisfy { abs($0.cropCenter.x) + $0.cropSide / 2 <= 0.5 + 1e-12 })
        #expect(draws.allSatisfy { 0.5...2 ~= $0.gamma && abs($0.brightness) <= 0.2 })
        #expect(abs(mean(draws.map { $0.gamma < 1 ? 1 : 0 }) - 0.5) < 0.03)
    }

    @Test func quarterTurnsAreEquallyFrequent() throws {
        let draws = try draws("rot90")
        for angle in [0.0, 90, 180, 270] { #expect(abs(draws.count { $0.angle == angle } - 1000) < 100) }
    }

    @Test func elasticDisplacementsAreNormal() throws {
        let draws = try draws("elastic=0.05", count: 200)
        let x = draws.flatMap { $0.elastic?.displacements.map { Double($0.x) } ?? [] }
        let y = draws.flatMap { $0.elastic?.displacements.map { Double($0.y) } ?? [] }
        #expect(x.count == 200 * 49)
        #expect(abs(mean(x)) < 0.3 && abs(mean(y)) < 0.15)
        #expect(abs(mean(x.map { $0 * $0 }).squareRoot() - 10) < 0.3)  // 5 % of 200 columns
        #expect(abs(mean(y.map { $0 * $0 }).squareRoot() - 5) < 0.15)
        #expect(abs(mean(zip(x, y).map { $0 * $1 })) < 1.5)
    }

    @Test func oneChangeDoesNotMoveTheNumbersOfAnother() throws {
        let alone = try draws("rotate=90", count: 50)
        let together = try draws("flips,rotate=90,scale=0.1,jitter,elastic", count: 50)
        #expect(alone.map(\.angle) == together.map(\.angle))
    }

    @Test func imagesEpochsAndSeedsDrawApart() throws {
        let options = try AugmentationOptions(parsing: "rotate=180")
        func angle(_ identity: UInt64, _ epoch: Int, _ seed: UInt64) -> Double {
            AugmentationDraw(options, size: (9, 9), seed: seed, identity: identity, epoch: epoch).angle
        }
        let first = angle(5, 0, 1)
        #expect(first == angle(5, 0, 1))
        #expect(Set([first, angle(6, 0, 1), angle(5, 1, 1), angle(5, 0, 2)]).count == 4)
    }
}
