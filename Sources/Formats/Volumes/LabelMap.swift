// Segmentations: integers from the file to the user, never interpolated, never scaled.

/// A map of class numbers.
public struct LabelMap: Sendable, Hashable {
    /// Sizes, outermost first: H×W for an image, D×H×W (z, y, x) for a volume.
    public let shape: Shape
    /// The labels, row-major.
    public let values: [Int32]
    /// The colour of each label, where the file has a palette.
    public var palette: [PaletteColor] = []
    /// What was odd, one sentence each.
    public var notes: [String] = []

    /// Wraps labels.
    ///
    /// - Precondition: as many values as the shape says.
    public init(shape: Shape, values: [Int32]) {
        precondition(values.count == shape.elementCount, "labels do not fill the shape")
        self.shape = shape
        self.values = values
    }

    /// How often each label occurs, by label.
    public var counts: [(label: Int32, count: Int)] {
        var table: [Int32: Int] = [:]
        for value in values { table[value, default: 0] += 1 }
        return table.sorted { $0.key < $1.key }.map { (label: $0.key, count: $0.value) }
    }

    /// The smallest element type that holds every label and that other programs read too: uint8, else int16, uint16,
    /// int32.
    public var smallestType: DType {
        let low = values.min() ?? 0
        let high = values.max() ?? 0
        if low >= 0, high <= 255 { return .uint8 }
        if low >= Int32(Int16.min), high <= Int32(Int16.max) { return .int16 }
        return low >= 0 && high <= 65535 ? .uint16 : .int32
    }

    /// The labels packed as ``smallestType``.
    public var tensor: TensorView {
        let bytes =
            switch smallestType {
            case .uint8: Bytes(copying: values.map { UInt8(truncatingIfNeeded: $0) })
            case .int16: Bytes(copying: values.map { Int16(truncatingIfNeeded: $0) })
            case .uint16: Bytes(copying: values.map { UInt16(truncatingIfNeeded: $0) })
            default: Bytes(copying: values)
            }
        return TensorView(dtype: smallestType, shape: shape, bytes: bytes)
    }

    /// The labels of an H×W map at another size: each pixel takes the label that lies at its centre (nearest
    /// neighbour), so no new label can appear.
    ///
    /// - Precondition: the map has two axes and is not empty; the new sizes are above 0.
    public func resized(height: Int, width: Int) -> LabelMap {
        precondition(shape.rank == 2 && !values.isEmpty && height > 0 && width > 0, "only images can be resized")
        let resized = resizedNearest(values, from: (shape[0], shape[1]), to: (height, width))
        var result = LabelMap(shape: [height, width], values: resized)
        result.palette = palette
        result.notes = notes
        return result
    }
}

/// A colour of a palette.
public struct PaletteColor: Sendable, Hashable {
    /// Red, 0…255.
    public var red: UInt8
    /// Green.
    public var green: UInt8
    /// Blue.
    public var blue: UInt8
    /// Opacity; 255 unless the file says otherwise.
    public var alpha: UInt8

    /// States a colour.
    public init(red: UInt8, green: UInt8, blue: UInt8, alpha: UInt8 = 255) {
        self.red = red
        self.green = green
        self.blue = blue
        self.alpha = alpha
    }
}

extension Volume {
    /// The volume's labels: z, y, x (t first when there are several frames), as integers.
    ///
    /// Scaled and float volumes are accepted when every value lies within 1e-3 of an integer.
    ///
    /// - Throws: ``FormatError`` with `.invalid` naming the first voxel that is no label, `.unsupported` for complex and
    ///   colour volumes.
    public func labels() throws(FormatError) -> LabelMap {
        let count = voxels.shape.elementCount
        return LabelMap(shape: voxels.shape, values: try labels(run(start: 0, count: count)))
    }

    /// The labels of one plane, rows × columns.
    public func labels(of plane: VolumePlane) throws(FormatError) -> LabelMap {
        let grid = grid(of: plane)
        return LabelMap(shape: [grid.rows, grid.columns], values: try labels(grid))
    }

    private func labels(_ grid: VoxelGrid) throws(FormatError) -> [Int32] {
        guard type.sampleCount == 1, !type.isComplex else {
            throw FormatError(
                path, .unsupported(feature: "a label map of \(type) voxels", advice: "convert it to integer labels"))
        }
        var values: [Int32] = []
        values.reserveCapacity(grid.count)
        var odd: (index: Int, value: Double)?
        forEachValue(grid) { value in
            let rounded = value.rounded()
            if abs(value - rounded) < 1e-3, let label = Int32(exactly: rounded) {
                values.append(label)
            } else if odd == nil {
                odd = (values.count, value)
            }
        }
        guard let odd else { return values }
        let element = grid.start + odd.index / max(grid.columns, 1) * grid.rowStride
        let position = voxelPosition(element + odd.index % max(grid.columns, 1) * grid.columnStride)
        throw FormatError(
            path,
            .invalid(
                section: "label at voxel (\(position))", expected: "an integer (within 0.001)",
                found: shortNumber(odd.value)))
    }

    /// An element's indices, x first.
    private func voxelPosition(_ element: Int) -> String {
        var rest = element
        var indices: [String] = []
        for size in shape {
            indices.append("\(rest % size)")
            rest /= size
        }
        return indices.joined(separator: ", ")
    }

    /// A volume of labels in the place of another: geometry and header facts are the image's, the type is the smallest
    /// that holds the labels, and nothing is scaled.
    ///
    /// - Throws: ``FormatError`` with `.invalid` when the sizes differ.
    public init(labels: LabelMap, like image: Volume, path: String = "labels") throws(FormatError) {
        try self.init(labelValues: labels.tensor, like: image, path: path)
    }

    /// A volume of label values in the place of another, their type kept.
    ///
    /// - Parameter labelValues: z, y, x, as large as the image (as many axes as the image's file has, if these are fewer);
    ///   further axes may stand before them.
    /// - Throws: ``FormatError`` with `.invalid` when the sizes differ, `.unsupported` for types that NIfTI has not.
    public init(labelValues: TensorView, like image: Volume, path: String = "labels") throws(FormatError) {
        let expected = Shape(image.spatialShape.reversed())
        let short = Shape(image.shape.prefix(3).reversed())
        guard Shape(labelValues.shape.axes.suffix(3)) == expected || labelValues.shape == short else {
            throw FormatError(
                path,
                .invalid(
                    section: "label map", expected: "\(expected) voxels as in \(image.path)",
                    found: "\(labelValues.shape)"))
        }
        try self.init(voxels: labelValues, geometry: image.geometry, path: path)
        header = image.header
        header.intent = VolumeHeader.Intent()
        header.displayRange = VolumeHeader.DisplayRange()
        header.extensions = []
    }
}
