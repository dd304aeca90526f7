// Masks: the segmentations that belong to a target's images, cut and resized as the images are.

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
            return try MaskContent(reading: path, like: content, policy: policy).labels(sample.imageNumber)
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
}
