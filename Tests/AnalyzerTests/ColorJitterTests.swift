// The colour jitter against torchvision's own results, and the generator behind it against published vectors.

import FoundationEssentials
import TestSupport
import Testing

@testable import Analyzer

struct ColorJitterTests {
    private struct Golden: Decodable {
        struct Case: Decodable {
            let order: [String]
            let factors: [String: Double]
            let output: [Float]

            var parameters: JitterParameters {
                let names = ["brightness", "contrast", "saturation", "hue"]
                return JitterParameters(
                    order: order.compactMap { names.firstIndex(of: $0).flatMap(JitterOperation.init(rawValue:)) },
                    brightness: factors["brightness"] ?? 1, contrast: factors["contrast"] ?? 1,
                    saturation: factors["saturation"] ?? 1, hue: factors["hue"] ?? 0)
            }
        }
        let shape: [Int]
        let input: [Float]
        let cases: [Case]
    }

    private func golden() throws -> [String: Golden] { try GoldenFile.decode("jitter.json") }

    /// Each image of a batch on its own: contrast uses the image's own mean.
    private func jittered(_ golden: Golden, _ parameters: JitterParameters) -> [Float] {
        let size = golden.shape[1] * golden.shape[2] * golden.shape[3]
        return stride(from: 0, to: golden.input.count, by: size).flatMap {
            ColorJitter.apply(parameters, to: Array(golden.input[$0..<$0 + size]), channels: 3)
        }
    }

    @Test(arguments: ["rgb", "grey"])
    func everyOperationAndChainEqualsTorchvision(kind: String) throws {
        let golden = try #require(try golden()[kind])
        #expect(golden.cases.count == 11)
        for example in golden.cases {
            let result = jittered(golden, example.parameters)
            let worst = zip(result, example.output).map { abs($0 - $1) }.max() ?? 1
            #expect(result.count == example.output.count)
            #expect(worst < 1e-6, "\(example.order) \(example.factors): \(worst)")
        }
    }

    @Test func oneGreyChannelEqualsEachOfThreeEqualOnesBitForBit() throws {
        let golden = try #require(try golden()["grey"])
        let pixels = golden.shape[2] * golden.shape[3]
        for image in 0..<50 {
            let parameters = JitterParameters(.paper, seed: 7, image: UInt64(image), draw: 0, view: 1)
            let color = ColorJitter.apply(parameters, to: Array(golden.input[..<(3 * pixels)]), channels: 3)
            let grey = ColorJitter.apply(parameters, to: Array(golden.input[..<pixels]), channels: 1)
            #expect(color == grey + grey + grey)
        }
    }

    @Test func blackAndWhiteImagesStayInRange() {
        for value: Float in [0, 1] {
            let parameters = JitterParameters(brightness: 1.1, contrast: 1.05, saturation: 1.1, hue: -0.05)
            let result = ColorJitter.apply(parameters, to: [Float](repeating: value, count: 12), channels: 3)
            #expect(result.allSatisfy { (0...1).contains($0) })
        }
        #expect(ColorJitter.apply(JitterParameters(), to: [], channels: 1).isEmpty)
    }

    @Test func aJitterDependsOnSeedImageDrawAndViewAndOnNothingElse() {
        func draw(_ seed: UInt64, _ image: UInt64?, _ draw: Int, _ view: Int) -> JitterParameters {
            JitterParameters(.paper, seed: seed, image: image, draw: draw, view: view)
        }
        let base = draw(1, 2, 3, 0)
        #expect(base == draw(1, 2, 3, 0))
        let others = [
            draw(2, 2, 3, 0), draw(1, 3, 3, 0), draw(1, 2, 4, 0), draw(1, 2, 3, 1), draw(1, nil, 3, 0),
            draw(1 << 40 + 1, 2, 3, 0), draw(1, 2 + 1 << 40, 3, 0),
        ]
        #expect(Set(others + [base]).count == 8)
    }

    @Test func drawnFactorsFillTheirRangesAndAllOrdersOccur() {
        let drawn = (0..<4000).map { JitterParameters(.paper, seed: 11, image: UInt64($0), draw: 0, view: 0) }
        for (values, range) in [
            (drawn.map(\.brightness), 0.9...1.1), (drawn.map(\.contrast), 0.95...1.05),
            (drawn.map(\.saturation), 0.9...1.1), (drawn.map(\.hue), -0.05...0.05),
        ] {
            let width = range.upperBound - range.lowerBound
            let mean = values.reduce(0, +) / Double(values.count)
            #expect(values.allSatisfy(range.contains))
            #expect(abs(mean - (range.lowerBound + width / 2)) < 4 * width / (12.0 * 4000).squareRoot())
            #expect((values.max() ?? 0) > range.upperBound - width / 100)
            #expect((values.min() ?? 0) < range.lowerBound + width / 100)
        }
        #expect(Set(drawn.map(\.order)).count == 24)
    }
}

struct CounterGeneratorTests {
    /// The known answers of Random123 1.14.0 (tests/kat_vectors), philox4x32 with 10 rounds.
    @Test func philoxGivesThePublishedAnswers() {
        typealias Block = Philox4x32.Block
        #expect(
            Philox4x32.block(Block(0, 0, 0, 0), key: 0)
                == Block(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        #expect(
            Philox4x32.block(Block(repeating: .max), key: .max)
                == Block(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        #expect(
            Philox4x32.block(
                Block(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: 0x299f_31d0_a409_3822)
                == Block(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test func integersBelowABoundAreUniform() {
        var generator = CounterGenerator(seed: 3, purpose: .bootstrap, place: 0)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[generator.next(below: 7)] += 1 }
        #expect(counts.allSatisfy { abs($0 - 10_000) < 400 })
    }

    @Test func aPermutationHoldsEveryIndexOnce() {
        var generator = CounterGenerator(seed: 3, purpose: .grouping, place: 9)
        #expect(generator.permutation(of: 100).sorted() == Array(0..<100))
    }
}
