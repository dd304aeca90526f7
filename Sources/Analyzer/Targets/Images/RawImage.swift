// One image as decoded: channels of float values in the file's own scale.

/// A decoded slice or image.
struct RawImage: Sendable {
    /// The channels, each height × width, row-major.
    var channels: [[Float]]
    var height: Int
    var width: Int
    /// The distance between rows and between columns in millimetres; 1 and 1 when unknown.
    var spacing: (row: Double, column: Double) = (1, 1)
    /// What the stored type calls white, such as 255; nil when it has no such value.
    var fullScale: Double?
    /// Whether 8 bits or fewer were stored, so that the automatic scheme takes the full range.
    var isEightBit = false
    /// Whether the values come from an array, which may hold 0…1 already.
    var isArray = false

    /// One grey channel in place of three equal ones.
    var isGray: Bool {
        channels.count == 1 || channels.count == 3 && channels[0] == channels[1] && channels[0] == channels[2]
    }
}
