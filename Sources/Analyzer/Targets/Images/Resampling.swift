// Resizing with anti-aliasing: bilinear interpolation whose triangle widens when the image shrinks, as Pillow's
// BILINEAR and torch's interpolate(mode="bilinear", antialias=True, align_corners=False).

/// Weights that make one axis of another length.
///
/// Output i looks at inputs around (i + ½)·scale, scale = input / output, with a triangle of half-width max(scale, 1)
/// cut off at the border and normalised to sum 1.
struct AxisResampling: Sendable {
    /// The first input of each output.
    let starts: [Int]
    /// How many inputs each output looks at.
    let counts: [Int]
    /// `width` weights for each output, unused ones 0.
    let weights: [Float]
    let width: Int

    init(from input: Int, to output: Int) {
        let scale = Double(input) / Double(output)
        let support = max(scale, 1)
        width = Int(support.rounded(.up)) * 2 + 1
        var starts: [Int] = []
        var counts: [Int] = []
        var weights = [Float](repeating: 0, count: output * width)
        for position in 0..<output {
            let center = scale * (Double(position) + 0.5)
            let first = max(Int(center - support + 0.5), 0)
            let last = min(Int(center + support + 0.5), input)
            let triangle = (first..<max(last, first)).map { index in
                max(0, 1 - abs((Double(index) - center + 0.5) / support))
            }
            let sum = triangle.reduce(0, +)
            for (offset, weight) in triangle.enumerated() { weights[position * width + offset] = Float(weight / sum) }
            starts.append(first)
            counts.append(triangle.count)
        }
        (self.starts, self.counts, self.weights) = (starts, counts, weights)
    }
}

/// Resizes planes of one size to another.
struct PlaneResampling: Sendable {
    private let rows: AxisResampling
    private let columns: AxisResampling
    private let source: (height: Int, width: Int)
    private let target: (height: Int, width: Int)

    /// - Precondition: all sizes are above 0.
    init(from source: (height: Int, width: Int), to target: (height: Int, width: Int)) {
        precondition(source.height > 0 && source.width > 0 && target.height > 0 && target.width > 0, "empty image")
        rows = AxisResampling(from: source.height, to: target.height)
        columns = AxisResampling(from: source.width, to: target.width)
        self.source = source
        self.target = target
    }

    /// One plane, row-major; columns first, then rows. A plane of the right size is returned as it is.
    func callAsFunction(_ plane: [Float]) -> [Float] {
        guard source != target else { return plane }
        return plane.withUnsafeBufferPointer { input in
            let narrowed = [Float](unsafeUninitializedCapacity: source.height * target.width) { output, count in
                for row in 0..<source.height { resampleRow(input, row, into: output) }
                count = output.count
            }
            return narrowed.withUnsafeBufferPointer { narrowed in
                [Float](unsafeUninitializedCapacity: target.height * target.width) { output, count in
                    output.initialize(repeating: 0)
                    for row in 0..<target.height { sumRows(narrowed, row, into: output) }
                    count = output.count
                }
            }
        }
    }

    private func resampleRow(
        _ input: UnsafeBufferPointer<Float>, _ row: Int, into output: UnsafeMutableBufferPointer<Float>
    ) {
        for column in 0..<target.width {
            let start = row * source.width + columns.starts[column]
            let weight = column * columns.width
            var sum: Float = 0
            for offset in 0..<columns.counts[column] {
                sum += input[start + offset] * columns.weights[weight + offset]
            }
            output[row * target.width + column] = sum
        }
    }

    private func sumRows(
        _ input: UnsafeBufferPointer<Float>, _ row: Int, into output: UnsafeMutableBufferPointer<Float>
    ) {
        for offset in 0..<rows.counts[row] {
            let weight = rows.weights[row * rows.width + offset]
            let start = (rows.starts[row] + offset) * target.width
            for column in 0..<target.width {
                output[row * target.width + column] += weight * input[start + column]
            }
        }
    }
}

/// A part of an image, which may reach beyond its borders.
struct ImageBox: Sendable, Hashable {
    var top: Int
    var left: Int
    var height: Int
    var width: Int

    /// The part of an image that fills a frame.
    ///
    /// - Parameter spacing: the distance between rows and between columns, in any unit.
    init(
        of image: (height: Int, width: Int), spacing: (row: Double, column: Double), preparation: ImagePreparation
    ) {
        self.init(top: 0, left: 0, height: image.height, width: image.width)
        guard preparation.fit != .stretch else { return }
        let frame = Double(preparation.width) / Double(preparation.height)
        // Pixels a hundred times longer than wide are a mistake of the header: taken as square.
        let ratio = spacing.column / spacing.row
        let aspect = Double(image.width) / Double(image.height) * (0.01...100 ~= ratio ? ratio : 1)
        // Growing (pad) or shrinking (crop) the other side until the aspects agree, in whole pixels.
        let changesWidth = (aspect < frame) == (preparation.fit == .pad)
        if changesWidth {
            width = max(1, Int((Double(image.width) * frame / aspect).rounded()))
            left = (image.width - width) / 2
        } else {
            height = max(1, Int((Double(image.height) * aspect / frame).rounded()))
            top = (image.height - height) / 2
        }
    }

    init(top: Int, left: Int, height: Int, width: Int) {
        (self.top, self.left, self.height, self.width) = (top, left, height, width)
    }

    /// The part cut out of a plane, 0 beyond its borders.
    func cut<Value: ExpressibleByIntegerLiteral>(_ plane: [Value], height imageHeight: Int, width imageWidth: Int)
        -> [Value]
    {
        guard self != ImageBox(top: 0, left: 0, height: imageHeight, width: imageWidth) else { return plane }
        var result = [Value](repeating: 0, count: height * width)
        let columns = max(0, left)..<max(max(0, left), min(imageWidth, left + width))
        for row in max(0, top)..<max(max(0, top), min(imageHeight, top + height)) {
            let target = (row - top) * width - left
            for column in columns { result[target + column] = plane[row * imageWidth + column] }
        }
        return result
    }
}
