// Where pairs of views come from: jittered images of a target, or arrays that the user hands over.

/// The size of one image.
public struct ImageShape: Sendable, Hashable, Codable {
    /// Channels, rows, columns.
    public var channels: Int, height: Int, width: Int

    /// Names a size.
    public init(channels: Int, height: Int, width: Int) {
        self.channels = channels
        self.height = height
        self.width = width
    }

    /// How many values an image has.
    public var count: Int { channels * height * width }
}

/// A list of images of one size, ready to be looked at: decoded, resized, values in 0…1.
public protocol ImageSource: Sendable {
    /// How many images there are. Their order is the target's own, whatever order its files were given in.
    var imageCount: Int { get }
    /// The size of every image.
    var imageShape: ImageShape { get }
    /// The case (volume, patient) of each image; nil when nothing is known.
    var cases: [Int]? { get }

    /// What names an image in all runs, such as a hash of its case and slice; its jitter hangs on it.
    func identity(of image: Int) -> UInt64

    /// What people call the image; nil when it has no name.
    func name(of image: Int) -> String?

    /// The image's values, channels × rows × columns, in 0…1. May be called from any thread.
    func image(_ index: Int) throws(AnalyzerError) -> [Float]
}

/// Where views come from.
public enum ViewOrigin: Sendable, Hashable {
    /// Random jitter of a target's images, as the scoring options say.
    case jitter
    /// Given by the user as they are.
    case given
}

/// Pairs of views of a list of images.
public protocol ViewSource: Sendable {
    /// How many images there are.
    var imageCount: Int { get }
    /// The size of every view.
    var imageShape: ImageShape { get }
    /// The case of each image; nil when nothing is known.
    var cases: [Int]? { get }
    /// How many pairs of views each image has.
    var draws: Int { get }
    /// Whether all images of a draw share one jitter, so that images alone do not tell the noise of the views.
    var sharesViews: Bool { get }
    /// Where the views come from.
    var origin: ViewOrigin { get }

    /// What people call an image; nil when it has no name.
    func name(of image: Int) -> String?

    /// An image before it was jittered, channels × rows × columns; nil when only views are known.
    func original(_ image: Int) throws(AnalyzerError) -> [Float]?

    /// Reads the images of a group. May be called from any thread.
    func open(_ images: [Int]) throws(AnalyzerError) -> any ViewGroup
}

/// The views of a group of images.
public protocol ViewGroup: Sendable {
    /// Writes one view of one member, channels × rows × columns.
    ///
    /// - Parameters:
    ///   - member: a position in the list that the group was opened with.
    ///   - view: 0 or 1.
    func write(member: Int, view: Int, draw: Int, to buffer: UnsafeMutableBufferPointer<Float>)
}

extension ViewSource {
    /// Jittered, unless a source says otherwise.
    public var origin: ViewOrigin { .jitter }

    /// None, unless a source says otherwise.
    public func name(of image: Int) -> String? { nil }

    /// None, unless a source says otherwise.
    public func original(_ image: Int) throws(AnalyzerError) -> [Float]? { nil }
}

extension ImageSource {
    /// None, unless a source says otherwise.
    public func name(of image: Int) -> String? { nil }
}
