// Our Winograd kernels, both vector widths, against a convolution summed in double.

import CKernels
import COneDNN
import Testing

/// A convolution small enough to sum in plain loops.
private struct Case: CustomTestStringConvertible {
    var images = 2, inputs = 32, outputs = 48, height = 13, width = 18
    var top = 1, left = 1, bottom = 1, right = 1
    var adds = false, cap: Float = .infinity, floor: Float = -.infinity
    /// What the destination holds before, if it is the same everywhere.
    var heldEverywhere: Float?
    /// Rows of tiles per group.
    var rows = 3

    var outHeight: Int { height + top + bottom - 2 }
    var outWidth: Int { width + left + right - 2 }
    var source: [Float] { (0..<images * inputs * height * width).map { Float($0 * 7919 % 2003) / 1001.5 - 1 } }
    var kernels: [Float] { (0..<outputs * inputs * 9).map { Float($0 * 104_729 % 1999) / 9995 - 0.1 } }
    var bias: [Float] { (0..<outputs).map { Float($0 % 7) / 7 - 0.5 } }
    var held: [Float] {
        (0..<images * outputs * outHeight * outWidth).map { heldEverywhere ?? Float($0 % 11) / 11 }
    }
    var testDescription: String { "\(inputs)→\(outputs)@\(height)×\(width), \(rows) rows" }

    /// N×C×H×W, as the definition says.
    func expected() -> [Double] {
        let (source, kernels, bias, held) = (source, kernels, bias, held)
        return (0..<held.count).map { index in
            let x = index % outWidth, y = index / outWidth % outHeight
            let o = index / (outWidth * outHeight) % outputs, n = index / (outWidth * outHeight * outputs)
            var sum = Double(bias[o]) + (adds ? Double(held[index]) : 0)
            for c in 0..<inputs {
                for i in 0..<3 where (0..<height).contains(y + i - top) {
                    for j in 0..<3 where (0..<width).contains(x + j - left) {
                        let pixel = source[((n * inputs + c) * height + y + i - top) * width + x + j - left]
                        sum += Double(pixel) * Double(kernels[((o * inputs + c) * 3 + i) * 3 + j])
                    }
                }
            }
            return min(max(sum, Double(floor)), Double(cap))
        }
    }

    func found(lanes: Int) -> [Float] {
        var source = blocked(source, channels: inputs, positions: height * width, lanes: lanes)
        var destination = blocked(held, channels: outputs, positions: outHeight * outWidth, lanes: lanes)
        var weights = [Float](repeating: .nan, count: 36 * inputs * outputs)
        for block in 0..<outputs / lanes {
            CK_winograd_weights(kernels, &weights, Int64(inputs), Int64(outputs), Int64(lanes), Int64(block))
        }
        var bias = bias
        var work = CK_Winograd()
        work.lanes = Int64(lanes)
        work.source_blocks = Int64(inputs / lanes)
        work.destination_blocks = Int64(outputs / lanes)
        (work.source_height, work.source_width) = (Int64(height), Int64(width))
        (work.height, work.width) = (Int64(outHeight), Int64(outWidth))
        (work.top, work.left) = (Int64(top), Int64(left))
        work.tile_rows = Int64((outHeight + 3) / 4)
        work.tile_columns = Int64((outWidth + 3) / 4)
        work.tile_stride = Int64(rows * inputs) * work.tile_columns + 48
        work.product_stride = Int64(rows * outputs) * work.tile_columns + 48
        work.adds = adds ? 1 : 0
        (work.floor, work.cap) = (floor, cap)
        var tiles = [Float](repeating: .nan, count: 36 * Int(work.tile_stride))
        var products = [Float](repeating: .nan, count: 36 * Int(work.product_stride))
        source.withUnsafeMutableBufferPointer { source in
            destination.withUnsafeMutableBufferPointer { destination in
                weights.withUnsafeMutableBufferPointer { weights in
                    bias.withUnsafeMutableBufferPointer { bias in
                        tiles.withUnsafeMutableBufferPointer { tiles in
                            products.withUnsafeMutableBufferPointer { products in
                                work.source = UnsafePointer(source.baseAddress)
                                work.destination = destination.baseAddress
                                work.weights = UnsafePointer(weights.baseAddress)
                                work.bias = UnsafePointer(bias.baseAddress)
                                work.tiles = tiles.baseAddress
                                work.products = products.baseAddress
                                runAllGroups(work)
                            }
                        }
                    }
                }
            }
        }
        return plain(destination, channels: outputs, positions: outHeight * outWidth, lanes: lanes)
    }

    private func runAllGroups(_ whole: CK_Winograd) {
        var work = whole
        let total = images * Int(work.tile_rows)
        for first in stride(from: 0, to: total, by: rows) {
            work.first_row = Int64(first)
            work.rows = Int64(min(rows, total - first))
            for index in 0..<work.rows * work.source_blocks { CK_winograd_gather(&work, index) }
            for index in 0..<36 * ((work.destination_blocks + 1) / 2) { CK_winograd_multiply(&work, index) }
            for index in 0..<work.rows * work.destination_blocks { CK_winograd_scatter(&work, index) }
        }
    }

    /// NCHW to N×blocks×positions×lanes.
    private func blocked(_ values: [Float], channels: Int, positions: Int, lanes: Int) -> [Float] {
        var result = values
        for index in values.indices {
            let (plane, position) = index.quotientAndRemainder(dividingBy: positions)
            result[(plane / lanes * positions + position) * lanes + plane % lanes] = values[index]
        }
        return result
    }

    private func plain(_ values: [Float], channels: Int, positions: Int, lanes: Int) -> [Float] {
        var result = values
        for index in values.indices {
            let (plane, position) = index.quotientAndRemainder(dividingBy: positions)
            result[index] = values[(plane / lanes * positions + position) * lanes + plane % lanes]
        }
        return result
    }
}

@Suite("Winograd kernels") struct WinogradKernelTests {
    /// The widths this machine can run: 16 lanes need AVX-512.
    private static let widths = CDNN_vector_width() == 16 ? [8, 16] : [8]

    /// The transforms lose about one decimal digit more than a direct sum: a few 1e-6 of the largest value.
    private static let tolerance = 1e-5

    @Test(
        arguments: [
            Case(), Case(height: 16, width: 16, rows: 1), Case(adds: true, floor: 0),
            Case(cap: 0.6, floor: 0), Case(images: 1, inputs: 16, outputs: 16, height: 5, width: 70, rows: 9),
            Case(top: 0, left: 0, bottom: 0, right: 0, rows: 2), Case(top: 0, left: 2, bottom: 3, right: 0, rows: 8),
            Case(images: 3, height: 7, width: 7, rows: 6),
        ], widths)
    fileprivate func agreeWithTheDefinition(of convolution: Case, lanes: Int) {
        let expected = convolution.expected(), found = convolution.found(lanes: lanes)
        let largest = expected.reduce(0) { max($0, abs($1)) }
        let worst = zip(expected, found).reduce(0.0) { max($0, abs($1.0 - Double($1.1))) }
        #expect(worst / largest < Self.tolerance)
    }

    @Test(arguments: widths) func groupSizesChangeNoBit(lanes: Int) {
        let one = Case(rows: 1).found(lanes: lanes)
        for rows in [2, 5, 8] { #expect(Case(rows: rows).found(lanes: lanes) == one) }
    }

    @Test(arguments: widths) func letNaNThrough(lanes: Int) {
        let convolution = Case(images: 1, height: 4, width: 4, adds: true, floor: 0, heldEverywhere: .nan, rows: 1)
        let found = convolution.found(lanes: lanes)
        #expect(found.allSatisfy { $0.isNaN })
    }
}
