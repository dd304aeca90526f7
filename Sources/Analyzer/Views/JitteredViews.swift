// Views made of a target's images by colour jitter.

/// Who shares a jitter.
public enum JitterScope: String, Sendable, Hashable, Codable, CaseIterable {
    /// Every image has its own factors and order: the noise of the views averages out over the images.
    case image
    /// All images of a view share them, as when the paper jitters its whole batch at once.
    case batch
}

/// Pairs of jittered copies of images.
public struct JitteredViews: ViewSource {
    private let images: any ImageSource
    private let ranges: JitterRanges
    private let scope: JitterScope
    private let seed: UInt64
    /// How many pairs of views each image has.
    public let draws: Int

    /// Pairs of views of `images`.
    ///
    /// - Parameters:
    ///   - draws: how many pairs each image gets.
    ///   - seed: fixes every factor; see ``JitterParameters/init(_:seed:image:draw:view:)``.
    /// - Throws: ``AnalyzerError/views(expected:found:)`` for images that are neither grey nor RGB, or fewer than one
    ///   draw.
    public init(
        of images: any ImageSource, ranges: JitterRanges = .paper, scope: JitterScope, seed: UInt64, draws: Int
    ) throws(AnalyzerError) {
        let channels = images.imageShape.channels
        guard channels == 1 || channels == 3 else {
            throw .views(expected: "images with 1 or 3 channels for a colour jitter", found: "\(channels) channels")
        }
        guard draws >= 1 else { throw .option(name: "--draws", value: "\(draws)", expected: "at least 1") }
        self.images = images
        self.ranges = ranges
        self.scope = scope
        self.seed = seed
        self.draws = draws
    }

    /// How many images there are.
    public var imageCount: Int { images.imageCount }
    /// The size of every view.
    public var imageShape: ImageShape { images.imageShape }
    /// The case of each image.
    public var cases: [Int]? { images.cases }
    /// Whether all images of a draw share one jitter.
    public var sharesViews: Bool { scope == .batch }

    /// What people call an image.
    public func name(of image: Int) -> String? { images.name(of: image) }

    /// An image before it is jittered.
    public func original(_ image: Int) throws(AnalyzerError) -> [Float]? { try images.image(image) }

    /// The jitter of one view of one image.
    public func parameters(image: Int, draw: Int, view: Int) -> JitterParameters {
        let identity = scope == .image ? images.identity(of: image) : nil
        return JitterParameters(ranges, seed: seed, image: identity, draw: draw, view: view)
    }

    /// Decodes the images of a group.
    public func open(_ members: [Int]) throws(AnalyzerError) -> any ViewGroup {
        var decoded: [[Float]] = []
        for image in members {
            let values = try images.image(image)
            guard values.count == imageShape.count else {
                throw .views(expected: "\(imageShape.count) values in image \(image)", found: "\(values.count)")
            }
            decoded.append(values)
        }
        return Group(source: self, members: members, images: decoded)
    }

    private struct Group: ViewGroup {
        let source: JitteredViews
        let members: [Int]
        let images: [[Float]]

        func write(member: Int, view: Int, draw: Int, to buffer: UnsafeMutableBufferPointer<Float>) {
            _ = buffer.update(from: images[member])
            let parameters = source.parameters(image: members[member], draw: draw, view: view)
            ColorJitter.apply(parameters, to: buffer, channels: source.imageShape.channels)
        }
    }
}
