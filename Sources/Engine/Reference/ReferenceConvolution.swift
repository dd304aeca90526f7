// Convolutions as sums over kernel taps. The inner loops walk pointers so that tests in debug builds stay quick.

import Formats

extension ReferenceMap {
    /// out[n,o,y,x] = bias[o] + Σ weight[o,i,p,q] · in[n, i, y·stride + p·dilation − top, x·stride + q·dilation − left].
    func convolved(_ convolution: Op.Convolution, weight: [Float], bias: [Float]?, shape: Shape) -> ReferenceMap {
        let kernel = convolution.weight.shape
        let padding = convolution.padding.resolved(
            input: Size2(height, width), window: Size2(kernel[2], kernel[3]), stride: convolution.stride,
            dilation: convolution.dilation)
        let inputsPerGroup = kernel[1]
        let outputsPerGroup = kernel[0] / convolution.groups
        var result = [Double](repeating: 0, count: shape.elementCount)
        var sums = [Double](repeating: 0, count: shape[2] * shape[3])
        for n in 0..<shape[0] {
            for o in 0..<shape[1] {
                for index in sums.indices { sums[index] = Double(bias?[o] ?? 0) }
                for i in 0..<inputsPerGroup {
                    let plane = (n * channels + o / outputsPerGroup * inputsPerGroup + i) * area
                    for p in 0..<kernel[2] {
                        for q in 0..<kernel[3] {
                            let tap = Tap(
                                weight: Double(weight[((o * inputsPerGroup + i) * kernel[2] + p) * kernel[3] + q]),
                                offset: Size2(
                                    p * convolution.dilation.height - padding.top,
                                    q * convolution.dilation.width - padding.left),
                                stride: convolution.stride)
                            tap.accumulate(
                                exact, plane: plane, size: Size2(height, width), into: &sums,
                                outputSize: Size2(shape[2], shape[3]))
                        }
                    }
                }
                let first = (n * shape[1] + o) * sums.count
                for index in sums.indices { result[first + index] = sums[index] }
            }
        }
        return ReferenceMap(shape: shape, exact: result)
    }

    /// out[n, o, y·stride + p·dilation − top, …] += weight[i,o,p,q] · in[n,i,y,x]: the gradient of a convolution.
    func transposeConvolved(_ convolution: Op.Convolution, weight: [Float], bias: [Float]?, shape: Shape)
        -> ReferenceMap
    {
        guard case .fixed(let padding) = convolution.padding else { return self }
        let kernel = convolution.weight.shape
        let inputsPerGroup = kernel[0] / convolution.groups
        var sums = [Double](repeating: 0, count: shape.elementCount)
        for n in 0..<shape[0] {
            for o in 0..<shape[1] {
                let plane = (n * shape[1] + o) * shape[2] * shape[3]
                for index in 0..<shape[2] * shape[3] { sums[plane + index] = Double(bias?[o] ?? 0) }
                for i in o / kernel[1] * inputsPerGroup..<(o / kernel[1] + 1) * inputsPerGroup {
                    for y in 0..<height {
                        for x in 0..<width {
                            for p in 0..<kernel[2] {
                                let row = y * convolution.stride.height + p * convolution.dilation.height - padding.top
                                guard row >= 0, row < shape[2] else { continue }
                                for q in 0..<kernel[3] {
                                    let column =
                                        x * convolution.stride.width + q * convolution.dilation.width - padding.left
                                    guard column >= 0, column < shape[3] else { continue }
                                    let factor = weight[
                                        ((i * kernel[1] + o % kernel[1]) * kernel[2] + p) * kernel[3] + q]
                                    sums[plane + row * shape[3] + column] += Double(factor) * self[n, i, y, x]
                                }
                            }
                        }
                    }
                }
            }
        }
        return ReferenceMap(shape: shape, exact: sums)
    }
}

/// One kernel position: its weight and where it looks relative to an output position.
private struct Tap {
    let weight: Double
    let offset: Size2, stride: Size2

    /// sums[y, x] += weight · input[y·stride + offset, x·stride + offset], where that lies inside the plane.
    func accumulate(_ input: [Double], plane: Int, size: Size2, into sums: inout [Double], outputSize: Size2) {
        let rows = inside(offset.height, stride.height, size.height, outputSize.height)
        let columns = inside(offset.width, stride.width, size.width, outputSize.width)
        guard !columns.isEmpty else { return }
        input.withUnsafeBufferPointer { input in
            sums.withUnsafeMutableBufferPointer { sums in
                guard let source = input.baseAddress, let target = sums.baseAddress else { return }
                for y in rows {
                    let row = source + plane + (y * stride.height + offset.height) * size.width + offset.width
                    let sum = target + y * outputSize.width
                    var x = columns.lowerBound
                    while x < columns.upperBound {
                        sum[x] += weight * row[x * stride.width]
                        x += 1
                    }
                }
            }
        }
    }

    /// The output positions whose input position lies in 0..<size.
    private func inside(_ offset: Int, _ stride: Int, _ size: Int, _ outputSize: Int) -> Range<Int> {
        let first = offset >= 0 ? 0 : (-offset + stride - 1) / stride
        let last = size - 1 - offset < 0 ? 0 : min(outputSize, (size - 1 - offset) / stride + 1)
        return first..<max(first, last)
    }
}
