// Large maps run a few images at a time: the division is sensible and changes nothing.

import Formats
import Testing

@testable import Engine

@Suite("Batch slices") struct BatchSlicesTests {
    /// 64 channels at full size, then a quarter of it: the first part outgrows the caches with four images of 160×160.
    private static func network() -> Graph {
        var graph = Graph(inputChannels: 3)
        func convolution(_ name: String, _ shape: Shape, padding: Int = 0) -> Op {
            .convolution(
                Op.Convolution(weight: Parameter("\(name).weight", shape), padding: .fixed(Padding(padding))))
        }
        let stem = graph.add(convolution("stem", [64, 3, 5, 5], padding: 2), 0, name: "stem")
        var x = graph.add(convolution("a", [64, 64, 1, 1]), stem, name: "a")
        x = graph.add(.add, [x, stem], name: "sum")
        x = graph.add(.activation(.relu(cap: nil)), x, name: "relu")
        let pooled = graph.add(.maxPool(Op.Window(size: Size2(4), stride: Size2(4))), x, name: "pool")
        var y = graph.add(convolution("b", [64, 64, 1, 1]), pooled, name: "b")
        y = graph.add(.add, [y, pooled], name: "sum2")
        graph.levels = [x, y]
        return graph
    }

    private static let size = 160

    private static func images(_ count: Int) -> [Float] {
        (0..<count * 3 * size * size).map { Float($0 * 7919 % 2003) / 1001.5 - 1 }
    }

    @Test func largeMapsAreSlicedAndSmallOnesAreNot() throws {
        let graph = Self.network()
        let cases = [
            (4, 160, (1, 4), "pool"), (8, 80, (4, 2), "a"), (4, 16, (4, 1), nil), (1, 160, (1, 1), nil),
        ]
        for (batch, side, expected, lastNode) in cases {
            let shapes = try graph.outputShapes(input: [batch, 3, side, side])
            let order = MapLayout.Order.blocked(lanes: 16)
            let nodes = Fusion(graph, shapes: shapes, levelNodes: graph.levels, order: order).run()
            let slices = BatchSlices(nodes, order: order, shapes: shapes)
            #expect((slices.batch, slices.count) == expected, "batch \(batch) at \(side)")
            #expect(slices.nodeCount == 0 ? lastNode == nil : nodes[slices.nodeCount - 1].name == lastNode)
        }
    }

    @Test(arguments: [1, 2, 3, 4]) func slicesGiveTheValuesOfSingleImages(count: Int) throws {
        let graph = Self.network()
        let parameters = RandomParameters(seed: 3)
        let whole = try InferencePlan(
            graph, parameters: parameters, input: [4, 3, Self.size, Self.size], threads: 2)
        let single = try InferencePlan(
            graph, parameters: parameters, input: [1, 3, Self.size, Self.size], threads: 2)
        let images = Self.images(count)
        // Twice, for what the first run leaves in memory must not matter.
        _ = try whole.features(of: Self.images(4))
        let found = try whole.features(of: images)
        let perImage = images.count / count
        for image in 0..<count {
            let expected = try single.features(of: Array(images[image * perImage..<(image + 1) * perImage]))
            for (level, map) in expected.enumerated() {
                let values = found[level].values[image * map.values.count..<(image + 1) * map.values.count]
                let rms = (map.values.reduce(0) { $0 + Double($1) * Double($1) } / Double(map.values.count))
                    .squareRoot()
                let worst = zip(values, map.values).reduce(0.0) { max($0, abs(Double($1.0) - Double($1.1))) }
                // Equal up to the order of sums: kernels may differ with the number of images.
                #expect(worst / rms < 1e-6, "image \(image), level \(level + 1)")
            }
            #expect(found[0].shape == [count, 64, Self.size, Self.size])
        }
    }

    @Test func convolution3OfADoubledMapIsComputedOnTheSmallMapInPiecesOfTheBatch() throws {
        let map = MapLayout(.blocked(lanes: 16), [6, 64, 56, 56])
        let large = MapLayout(.blocked(lanes: 16), [6, 32, 112, 112])
        let doubling = DoublingConvolution3(source: map, target: large)
        // 9 × 32 channels × 56² × 4 bytes are 3.6 MB an image.
        #expect(doubling.imagesPerPiece == 1)
        #expect(doubling.products.byteCount == 6 * 9 * 32 * 56 * 56 * 4)
        let small = DoublingConvolution3(
            source: MapLayout(.blocked(lanes: 16), [6, 512, 7, 7]),
            target: MapLayout(.blocked(lanes: 16), [6, 256, 14, 14]))
        #expect(small.imagesPerPiece == 6)
    }
}
