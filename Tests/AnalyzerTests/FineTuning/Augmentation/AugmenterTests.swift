// What augmentation does to pixels: exact for whole moves, torchvision's values for the rest, image and labels together.

import Testing

@testable import Analyzer

@Suite struct AugmenterTests {
    private static let image: [Float] = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    private static let labels: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7, 8]

    private func moved(isExact: Bool = true, _ change: (inout AugmentationDraw) -> Void) throws -> [UInt8] {
        var draw = AugmentationDraw()
        change(&draw)
        let augmenter = try Augmenter(
            AugmentationOptions(), shape: ImageShape(channels: 1, height: 3, width: 3), seed: 1)
        let result = augmenter.apply(draw, to: Self.image, Self.labels)
        if isExact { #expect(result.image == result.labels.map { Self.image[Int($0)] }) }
        return result.labels
    }

    @Test func flipsTurnsAndShiftsMovePixelsExactly() throws {
        #expect(try moved { _ in } == Self.labels)
        #expect(try moved { $0.flipsHorizontally = true } == [2, 1, 0, 5, 4, 3, 8, 7, 6])
        #expect(try moved { $0.flipsVertically = true } == [6, 7, 8, 3, 4, 5, 0, 1, 2])
        #expect(try moved { $0.angle = 90 } == [2, 5, 8, 1, 4, 7, 0, 3, 6])  // counter-clockwise
        #expect(try moved { $0.angle = -180 } == [8, 7, 6, 5, 4, 3, 2, 1, 0])
        #expect(try moved { $0.shift = [1, 0] } == [0, 0, 1, 0, 3, 4, 0, 6, 7])  // to the right, 0 from outside
        #expect(try moved { $0.shift = [0, -1] } == [3, 4, 5, 6, 7, 8, 0, 0, 0])
        // First the flip, then the turn.
        #expect(
            try moved {
                $0.flipsHorizontally = true
                $0.angle = 90
            } == [0, 3, 6, 1, 4, 7, 2, 5, 8])
    }

    @Test func aCropShowsItsPartAndAConstantFieldShifts() throws {
        #expect(
            try moved(isExact: false) {
                $0.cropSide = 1.0 / 3
                $0.cropCenter = [1.0 / 3, -1.0 / 3]
            }.allSatisfy { $0 == 2 })
        #expect(
            try moved(isExact: false) {
                $0.elastic = ElasticField(displacements: [SIMD2<Float>](repeating: [1, 0], count: 49))
            } == [1, 2, 0, 4, 5, 0, 7, 8, 0])
    }

    private struct Golden: Decodable {
        struct Case: Decodable {
            let angle: Double?
            let scale: Double?
            let shift: [Double]?
            let displacements: [Float]?
            let image: [Float]
            let labels: [UInt8]
        }
        let height: Int
        let width: Int
        let image: [Float]
        let labels: [UInt8]
        let cases: [Case]
        let elastic: Case
    }

    @Test func rotationScalingShiftAndElasticGiveTorchvisionsPixels() throws {
        let golden: Golden = try GoldenFile.decode("../training/augmentation.json")
        let augmenter = try Augmenter(
            AugmentationOptions(), shape: ImageShape(channels: 1, height: golden.height, width: golden.width), seed: 1)
        var worst: Float = 0
        for expected in golden.cases + [golden.elastic] {
            var draw = AugmentationDraw()
            (draw.angle, draw.scale) = (expected.angle ?? 0, expected.scale ?? 1)
            if let shift = expected.shift { draw.shift = SIMD2(shift[0], shift[1]) }
            if let values = expected.displacements {
                draw.elastic = ElasticField(
                    displacements: stride(from: 0, to: values.count, by: 2).map { [values[$0], values[$0 + 1]] })
            }
            let result = augmenter.apply(draw, to: golden.image, golden.labels)
            #expect(result.labels == expected.labels, "\(draw.angle)")
            worst = max(worst, zip(result.image, expected.image).map { abs($0 - $1) }.max() ?? 1)
        }
        #expect(golden.cases.count == 9)
        #expect(worst < 5e-6, "\(worst)")
    }

    /// A black and white image and its own mask stay each other's image and mask.
    @Test(arguments: ["flips,vflip", "rot90", "translate=0.3", "flips,rot90,translate=0.2"])
    func imageAndMaskMoveTogether(text: String) throws {
        let (side, count) = (16, 256)
        let image = (0..<count).map { Float($0 * 7 % 11 % 2) }
        let labels = image.map { UInt8($0) }
        let augmenter = try Augmenter(
            AugmentationOptions(parsing: text), shape: ImageShape(channels: 1, height: side, width: side), seed: 4)
        var distinct: Set<[UInt8]> = []
        for identity in 0..<40 {
            let result = augmenter(image, labels, identity: UInt64(identity), epoch: 3)
            #expect(result.image.map { UInt8($0) } == result.labels)
            distinct.insert(result.labels)
        }
        #expect(distinct.count > 3)
    }

    @Test func smoothMovesKeepImageAndMaskTogetherToo() throws {
        // A disc with a soft edge of one pixel: its mask, moved, is where the moved image is above one half.
        let side = 64
        let image = (0..<side * side).map { index -> Float in
            let (x, y) = (Float(index % side) - 25, Float(index / side) - 38)
            return min(max(14.5 - (x * x + y * y).squareRoot(), 0), 1)
        }
        let labels = image.map { UInt8($0 > 0.5 ? 1 : 0) }
        let augmenter = try Augmenter(
            AugmentationOptions(parsing: "flips,rotate=180,scale=0.3,translate=0.1,elastic,crop=0.7"),
            shape: ImageShape(channels: 1, height: side, width: side), seed: 4)
        var differing = 0
        var covered = 0
        for identity in 0..<50 {
            let result = augmenter(image, labels, identity: UInt64(identity), epoch: 0)
            differing += zip(result.image, result.labels).count { ($0 > 0.5 ? 1 : 0) != $1 }
            covered += result.labels.count { $0 == 1 }
        }
        #expect(covered > 50 * 300)
        #expect(Double(differing) < 0.05 * Double(covered), "\(differing) of \(covered)")
    }

    @Test func intensitiesChangeBeforeTheMoveSoThatTheOutsideStaysBlack() throws {
        let augmenter = try Augmenter(
            AugmentationOptions(), shape: ImageShape(channels: 1, height: 3, width: 3), seed: 1)
        var draw = AugmentationDraw()
        (draw.brightness, draw.shift) = (0.25, [1, 0])
        let result = augmenter.apply(draw, to: Self.image, Self.labels)
        let brighter = Self.image.map { $0 + 0.25 }
        #expect(
            result.image == [0, brighter[0], brighter[1], 0, brighter[3], brighter[4], 0, brighter[6], brighter[7]])
        draw = AugmentationDraw()
        draw.gamma = 2
        let squared = augmenter.apply(draw, to: Self.image, Self.labels).image
        #expect(zip(squared, Self.image).allSatisfy { abs($0 - $1 * $1) < 1e-6 })
        draw.gamma = 1
        draw.jitter = JitterParameters(order: [.brightness], brightness: 0.5)
        #expect(augmenter.apply(draw, to: Self.image, Self.labels).image == Self.image.map { $0 * 0.5 })
    }

    @Test func coloursMoveAsOne() throws {
        let augmenter = try Augmenter(
            AugmentationOptions(parsing: "rotate=180,scale=0.2,elastic"),
            shape: ImageShape(channels: 3, height: 3, width: 3), seed: 1)
        let result = augmenter(
            Self.image + Self.image.map { $0 / 2 } + Self.image, Self.labels, identity: 3, epoch: 1)
        #expect(result.image[..<9] == result.image[18...])
        #expect(zip(result.image[..<9], result.image[9..<18]).allSatisfy { abs($0 / 2 - $1) < 1e-7 })
        let gray = try Augmenter(
            augmenter.options, shape: ImageShape(channels: 1, height: 3, width: 3), seed: 1)
        #expect(gray(Self.image, Self.labels, identity: 3, epoch: 1).labels == result.labels)
    }

    /// The numbers themselves: a change of generator, of streams or of arithmetic would break resumed runs.
    @Test func aDrawIsPinned() throws {
        let options = try AugmentationOptions(parsing: "flips,vflip,rotate=180,scale=0.2")
        let draw = AugmentationDraw(options, size: (8, 8), seed: 1, identity: 42, epoch: 3)
        #expect("\(draw.flipsHorizontally) \(draw.flipsVertically)" == "true true")
        #expect(draw.angle == 88.3464671596488)
        #expect(draw.scale == 1.130091125177839)
    }
}
