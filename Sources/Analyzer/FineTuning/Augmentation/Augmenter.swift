// Applies a draw of changes to an image and its labels.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Varies training images. The result hangs on the seed, the image's identity and the epoch, and on nothing else.
public struct Augmenter: Sendable {
    /// What varies.
    public let options: AugmentationOptions
    /// The size of every image; one channel or three.
    public let shape: ImageShape
    /// Fixes every draw.
    public let seed: UInt64

    /// Varies images of one size.
    ///
    /// - Throws: ``AnalyzerError/option(name:value:expected:)`` for strengths that are no numbers or out of their ranges,
    ///   ``AnalyzerError/views(expected:found:)`` for images that are neither grey nor RGB.
    public init(_ options: AugmentationOptions, shape: ImageShape, seed: UInt64) throws(AnalyzerError) {
        guard shape.channels == 1 || shape.channels == 3, shape.height > 0, shape.width > 0 else {
            throw .views(
                expected: "grey or RGB images", found: "\(shape.channels)×\(shape.height)×\(shape.width)")
        }
        // What the text form refuses is refused here too.
        guard try AugmentationOptions(parsing: options.description) == options else {
            throw .option(name: "--augment", value: options.description, expected: "strengths within their ranges")
        }
        (self.options, self.shape, self.seed) = (options, shape, seed)
    }

    /// Changes one image and its labels.
    ///
    /// - Parameters:
    ///   - image: channels × height × width, 0…1.
    ///   - labels: height × width class indices.
    ///   - identity: what names the image in all runs.
    ///   - epoch: from 0.
    /// - Precondition: both have the sizes of ``shape``.
    public func callAsFunction(
        _ image: [Float], _ labels: [UInt8], identity: UInt64, epoch: Int
    ) -> (image: [Float], labels: [UInt8]) {
        apply(draw(identity: identity, epoch: epoch), to: image, labels)
    }

    /// The changes of one image in one epoch.
    func draw(identity: UInt64, epoch: Int) -> AugmentationDraw {
        AugmentationDraw(
            options, size: (shape.height, shape.width), seed: seed, identity: identity, epoch: epoch)
    }

    /// Applies given changes.
    func apply(_ draw: AugmentationDraw, to image: [Float], _ labels: [UInt8]) -> (image: [Float], labels: [UInt8]) {
        var changed = [Float](repeating: 0, count: image.count)
        var moved = [UInt8](repeating: 0, count: labels.count)
        changed.withUnsafeMutableBufferPointer { changed in
            moved.withUnsafeMutableBufferPointer { moved in write(draw, image, labels, to: changed, moved) }
        }
        return (changed, moved)
    }

    /// Writes the changed image and labels.
    ///
    /// - Precondition: all have the sizes of ``shape``.
    func write(
        _ draw: AugmentationDraw, _ image: [Float], _ labels: [UInt8], to changed: UnsafeMutableBufferPointer<Float>,
        _ moved: UnsafeMutableBufferPointer<UInt8>
    ) {
        let plane = shape.height * shape.width
        precondition(image.count == shape.count && labels.count == plane, "an image of another size")
        precondition(changed.count == shape.count && moved.count == plane, "room for another size")
        guard draw.changesIntensity else {
            image.withUnsafeBufferPointer { source in
                labels.withUnsafeBufferPointer { move(draw, source, $0, to: changed, moved) }
            }
            return
        }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: image.count) { scratch in
            _ = scratch.initialize(fromContentsOf: image)
            changeIntensity(draw, scratch)
            labels.withUnsafeBufferPointer { move(draw, UnsafeBufferPointer(scratch), $0, to: changed, moved) }
        }
    }

    private func changeIntensity(_ draw: AugmentationDraw, _ image: UnsafeMutableBufferPointer<Float>) {
        if let jitter = draw.jitter { ColorJitter.apply(jitter, to: image, channels: shape.channels) }
        if draw.brightness != 0 {
            let offset = Float(draw.brightness)
            for index in image.indices { image[index] = clamped(image[index] + offset) }
        }
        if draw.gamma != 1 {
            let exponent = Float(draw.gamma)
            for index in image.indices { image[index] = powf(clamped(image[index]), exponent) }
        }
    }

    private func move(
        _ draw: AugmentationDraw, _ image: UnsafeBufferPointer<Float>, _ labels: UnsafeBufferPointer<UInt8>,
        to changed: UnsafeMutableBufferPointer<Float>, _ moved: UnsafeMutableBufferPointer<UInt8>
    ) {
        guard let source = image.baseAddress, let target = changed.baseAddress, let labelSource = labels.baseAddress,
            let labelTarget = moved.baseAddress
        else { return }
        if draw.isMirroring {
            let plane = shape.height * shape.width
            for channel in 0..<shape.channels { mirror(draw, source + channel * plane, to: target + channel * plane) }
            mirror(draw, labelSource, to: labelTarget)
        } else {
            PlaneWarp(draw, height: shape.height, width: shape.width).apply(
                image: source, channels: shape.channels, to: target, labels: labelSource, to: labelTarget)
        }
    }

    /// Copies rows, in reverse order or reversed themselves.
    private func mirror<Value: BitwiseCopyable>(
        _ draw: AugmentationDraw, _ source: UnsafePointer<Value>, to target: UnsafeMutablePointer<Value>
    ) {
        let (height, width) = (shape.height, shape.width)
        for row in 0..<height {
            let from = source + (draw.flipsVertically ? height - 1 - row : row) * width
            let to = target + row * width
            if draw.flipsHorizontally {
                for column in 0..<width { to[column] = from[width - 1 - column] }
            } else {
                to.update(from: from, count: width)
            }
        }
    }
}
