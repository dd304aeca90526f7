// The segmentations that belong to a target's images, cut and resized as the images are.

public import Formats

extension Target {
    /// The label map of an image at its own size, standing as the image does; nil when the case has none.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` for masks that cannot be read, differ from their image in size or hold
    ///   values that are no labels.
    public func labels(_ number: Int, policy: MaskPolicy = MaskPolicy()) throws(AnalyzerError) -> LabelMap? {
        let sample = samples[number]
        guard let path = listing.cases[sample.caseNumber].mask else { return nil }
        let content = try content(of: sample)
        do throws(FormatError) {
            switch content {
            case .volume(let channels, let axis):
                guard let image = channels.first else { return nil }
                return try Self.slice(
                    of: Volume(reading: path), like: image.volume, axis: axis, index: sample.imageNumber)
            case .png(let images):
                let labels = try PNGImage(reading: path).labels(policy: policy)
                guard let image = images.first, labels.shape == [image.height, image.width] else {
                    throw Self.sizeError(path, labels.shape, images.first.map { [$0.height, $0.width] } ?? [0, 0])
                }
                return labels
            case .array: return nil
            }
        } catch { throw .format(error) }
    }

    /// The label map of an image in the prepared image's frame: nearest neighbour, so no label is invented; 0 in the
    /// border that padding adds.
    public func preparedLabels(
        _ number: Int, policy: MaskPolicy = MaskPolicy()
    ) throws(AnalyzerError) -> LabelMap? {
        guard let labels = try labels(number, policy: policy) else { return nil }
        let sample = samples[number]
        let image = try content(of: sample).image(sample.imageNumber, channels: options.channels)
        let box = ImageBox(of: (image.height, image.width), spacing: image.spacing, preparation: options.preparation)
        let cut = LabelMap(
            shape: [box.height, box.width], values: box.cut(labels.values, height: image.height, width: image.width))
        return cut.resized(height: options.preparation.height, width: options.preparation.width)
    }

    private static func slice(
        of mask: Volume, like image: Volume, axis: Int, index: Int
    ) throws(FormatError) -> LabelMap {
        guard mask.spatialShape == image.spatialShape else {
            throw sizeError(mask.path, Shape(mask.spatialShape), Shape(image.spatialShape))
        }
        // Voxel for voxel as in the image: some programs drop the orientation when they save a mask.
        var placed = mask
        placed.geometry = image.geometry
        return try placed.labels(of: VolumePlane(upright: placed, axis: axis, index: index))
    }

    private static func sizeError(_ path: String, _ found: Shape, _ expected: Shape) -> FormatError {
        FormatError(
            path,
            .invalid(
                section: "mask", expected: "\(expected) as its image",
                found: "\(found); give the mask of this very image"))
    }
}
