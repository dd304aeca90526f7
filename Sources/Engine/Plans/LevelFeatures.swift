// What a forward pass hands out: one feature map per requested level.

public import Formats

/// The features of a batch at one level.
public struct LevelFeatures: Sendable {
    /// The level's number, 1 for the shallowest.
    public let level: Int
    /// N×C×h×w.
    public let shape: Shape
    /// The values in NCHW order.
    public let values: [Float]

    /// Wraps values in NCHW order.
    public init(level: Int, shape: Shape, values: [Float]) {
        self.level = level
        self.shape = shape
        self.values = values
    }
}

/// The shape of one level for one image.
public struct LevelShape: Sendable, Hashable {
    /// The level's number, 1 for the shallowest.
    public let level: Int
    /// Channels, rows, columns.
    public let channels: Int, height: Int, width: Int

    /// Values per image.
    var elementCount: Int { channels * height * width }
}
