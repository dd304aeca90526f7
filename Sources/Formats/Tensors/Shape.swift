// A tensor's extent along each axis.

/// Sizes of a tensor's axes, outermost first; an empty list is a scalar.
public struct Shape: Sendable, Hashable, ExpressibleByArrayLiteral {
    /// The sizes, outermost axis first.
    public var axes: [Int]

    /// Creates a shape from its sizes.
    public init(_ axes: [Int]) { self.axes = axes }

    /// Creates a shape from a literal such as `[64, 3, 7, 7]`.
    public init(arrayLiteral axes: Int...) { self.axes = axes }

    /// How many axes there are.
    public var rank: Int { axes.count }

    /// The product of the sizes (1 for a scalar). Shapes read from files are checked with ``checkedElementCount``
    /// first.
    public var elementCount: Int { axes.reduce(1, *) }

    /// The product of the sizes, or nil when a size is negative or the product overflows. Sizes of zero do not excuse
    /// the others: strides are products of those.
    public var checkedElementCount: Int? {
        var product = 1
        for axis in axes {
            guard axis >= 0 else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: max(axis, 1))
            guard !overflow else { return nil }
            product = next
        }
        return axes.contains(0) ? 0 : product
    }

    /// Element strides of the row-major (C order) layout.
    public var rowMajorStrides: [Int] {
        var strides = [Int](repeating: 1, count: axes.count)
        for axis in stride(from: axes.count - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * max(axes[axis + 1], 1)
        }
        return strides
    }

    /// The size of one axis.
    public subscript(axis: Int) -> Int {
        get { axes[axis] }
        set { axes[axis] = newValue }
    }
}

extension Shape: CustomStringConvertible {
    /// Sizes joined by `×`; `scalar` for none.
    public var description: String {
        axes.isEmpty ? "scalar" : axes.map { String($0) }.joined(separator: "×")
    }
}

extension Shape: Codable {
    /// Reads a list of sizes.
    public init(from decoder: any Decoder) throws { axes = try [Int](from: decoder) }

    /// Writes a list of sizes.
    public func encode(to encoder: any Encoder) throws { try axes.encode(to: encoder) }
}
