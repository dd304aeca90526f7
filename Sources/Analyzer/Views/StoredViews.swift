// Views that the user hands over as arrays: the way to reproduce someone else's numbers.

public import Formats

/// One pair of given views of each image, used exactly as they are.
public struct StoredViews: ViewSource {
    private let views: [TensorView]
    /// How many images there are.
    public let imageCount: Int
    /// The size of every view.
    public let imageShape: ImageShape

    /// Two arrays of equal shape, N×C×H×W, or N×H×W for one channel.
    ///
    /// - Throws: ``AnalyzerError/views(expected:found:)`` for other shapes, types without float values, and numbers that
    ///   are not finite.
    public init(_ first: TensorView, _ second: TensorView) throws(AnalyzerError) {
        guard first.shape == second.shape else {
            throw .views(expected: "two arrays of one shape", found: "\(first.shape) and \(second.shape)")
        }
        guard let shape = Self.imageShape(first.shape.axes) else {
            throw .views(expected: "N×C×H×W or N×H×W", found: "\(first.shape)")
        }
        imageCount = first.shape[0]
        imageShape = shape
        views = [try Self.floats(first), try Self.floats(second)]
    }

    /// One array that holds both views: 2×N×C×H×W, or 2×N×H×W for one channel.
    ///
    /// - Throws: as ``init(_:_:)``.
    public init(_ both: TensorView) throws(AnalyzerError) {
        let axes = both.shape.axes
        guard axes.count == 4 || axes.count == 5, axes[0] == 2 else {
            throw .views(expected: "2×N×C×H×W (or two files of N×C×H×W)", found: "\(both.shape)")
        }
        let half = Shape(Array(axes.dropFirst()))
        let length = both.bytes.count / 2
        guard let first = both.bytes.slice(0, length), let second = both.bytes.slice(length, length) else {
            throw .views(expected: "2×N×C×H×W", found: "\(both.shape)")
        }
        try self.init(
            TensorView(dtype: both.dtype, shape: half, bytes: first),
            TensorView(dtype: both.dtype, shape: half, bytes: second))
    }

    /// Nothing is known of cases.
    public var cases: [Int]? { nil }
    /// The one pair that was given.
    public var draws: Int { 1 }
    /// True, because it is not known how the views were made.
    public var sharesViews: Bool { true }

    /// The user's own.
    public var origin: ViewOrigin { .given }

    /// Lends the views of a group.
    public func open(_ images: [Int]) throws(AnalyzerError) -> any ViewGroup { Group(source: self, members: images) }

    private struct Group: ViewGroup {
        let source: StoredViews
        let members: [Int]

        func write(member: Int, view: Int, draw: Int, to buffer: UnsafeMutableBufferPointer<Float>) {
            let size = source.imageShape.count
            _ = source.views[view].withFloats { values in
                buffer.update(from: values[members[member] * size..<(members[member] + 1) * size])
            }
        }
    }

    private static func imageShape(_ axes: [Int]) -> ImageShape? {
        guard axes.allSatisfy({ $0 > 0 }) else { return nil }
        return switch axes.count {
        case 3: ImageShape(channels: 1, height: axes[1], width: axes[2])
        case 4: ImageShape(channels: axes[1], height: axes[2], width: axes[3])
        default: nil
        }
    }

    /// The array itself where it can be lent as float32, else a converted copy; all numbers finite.
    private static func floats(_ view: TensorView) throws(AnalyzerError) -> TensorView {
        var floats = view
        if view.dtype != .float32 || !view.bytes.isAligned(to: MemoryLayout<Float>.alignment) {
            guard let values = view.floats() else {
                throw .views(expected: "real numbers", found: "\(view.dtype)")
            }
            floats = TensorView(floats: values, shape: view.shape)
        }
        if let (index, value) = floats.firstNonFinite {
            let image = index / max(1, view.shape.elementCount / max(1, view.shape[0]))
            throw .views(expected: "finite numbers", found: "\(value) in image \(image + 1)")
        }
        return floats
    }
}
