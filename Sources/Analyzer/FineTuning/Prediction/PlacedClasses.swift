// The classes of a whole case in the order of its file, slice by slice put where it belongs.

import Formats

/// Where the pixels of an upright image lie among the voxels of its volume.
struct PlaneLayout: Sendable, Hashable {
    var start: Int
    var rows: Int
    var rowStride: Int
    var columns: Int
    var columnStride: Int

    /// - Parameter shape: the sizes of the volume's axes, x first.
    init(_ plane: VolumePlane, shape: [Int]) {
        let strides = [1, shape[0], shape[0] * shape[1]]
        start = plane.index * strides[plane.axis]
        (rows, rowStride) = (shape[plane.rowAxis], strides[plane.rowAxis])
        (columns, columnStride) = (shape[plane.columnAxis], strides[plane.columnAxis])
        if plane.isRowReversed {
            start += (rows - 1) * rowStride
            rowStride = -rowStride
        }
        if plane.isColumnReversed {
            start += (columns - 1) * columnStride
            columnStride = -columnStride
        }
    }

    /// Puts an image's values in their places.
    func place<Value>(_ image: ArraySlice<Value>, into voxels: inout [Value], offset: Int = 0) {
        precondition(image.count == rows * columns, "an image of the plane's size")
        image.withUnsafeBufferPointer { image in
            voxels.withUnsafeMutableBufferPointer { voxels in
                var source = 0
                for row in 0..<rows {
                    var target = offset + start + row * rowStride
                    for _ in 0..<columns {
                        voxels[target] = image[source]
                        source += 1
                        target += columnStride
                    }
                }
            }
        }
    }
}

/// What was predicted of a case, in the order of its file: x fastest for volumes, image after image otherwise.
struct PlacedClasses: Sendable {
    let opened: OpenedCase
    /// Class indices.
    private(set) var labels: [UInt8]
    /// For each channel of the logits, where wanted: channels × the volume; images × channels × rows × columns otherwise.
    private(set) var probabilities: [Float]
    private let channels: Int

    /// All background.
    ///
    /// - Parameter channels: of the probabilities to keep, 0 for none.
    init(_ opened: OpenedCase, channels: Int) {
        self.opened = opened
        self.channels = channels
        let size = opened.imageSize
        let count = opened.content.imageCount * size.height * size.width
        labels = [UInt8](repeating: 0, count: count)
        probabilities = [Float](repeating: 0, count: count * channels)
    }

    /// Puts the next images in their places.
    mutating func place(_ run: ClassifiedRun) {
        let size = opened.imageSize
        let plane = size.height * size.width
        for (offset, image) in run.images.enumerated() {
            let layout = opened.volume.flatMap { volume in
                opened.plane(image).map { PlaneLayout($0, shape: volume.spatialShape) }
            }
            let pixels = run.labels[offset * plane..<(offset + 1) * plane]
            guard let layout else {
                labels.replaceSubrange(image * plane..<(image + 1) * plane, with: pixels)
                if channels > 0 {
                    let values = run.probabilities[offset * channels * plane..<(offset + 1) * channels * plane]
                    probabilities.replaceSubrange(
                        image * channels * plane..<(image + 1) * channels * plane, with: values)
                }
                continue
            }
            layout.place(pixels, into: &labels)
            for channel in 0..<channels {
                let start = (offset * channels + channel) * plane
                layout.place(
                    run.probabilities[start..<start + plane], into: &probabilities, offset: channel * labels.count)
            }
        }
    }

    /// How often each class was predicted.
    func counts(classCount: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: 256)
        for label in labels { counts[Int(label)] += 1 }
        return Array(counts.prefix(classCount))
    }

    /// The class indices of an image, rows × columns as it stands.
    func image(number: Int) -> [UInt8] {
        let size = opened.imageSize
        let plane = size.height * size.width
        guard let volume = opened.volume, let place = opened.plane(number) else {
            return Array(labels[number * plane..<(number + 1) * plane])
        }
        let layout = PlaneLayout(place, shape: volume.spatialShape)
        var result: [UInt8] = []
        result.reserveCapacity(plane)
        for row in 0..<layout.rows {
            for column in 0..<layout.columns {
                result.append(labels[layout.start + row * layout.rowStride + column * layout.columnStride])
            }
        }
        return result
    }
}
