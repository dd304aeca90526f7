// Reading one labelled case: its mask and images are decoded together, once.

import Formats

/// A labelled case after its files were read.
struct CaseReading: Sendable {
    /// One of its images.
    struct Image: Sendable {
        /// Channels × height × width, prepared.
        let values: [Float]
        /// Height × width, prepared, by ``ValueNumbers``.
        let numbers: [UInt8]
        /// Pixels in the file's own size by number.
        let pixels: [Int]
        /// Pixels in the prepared size by number.
        let preparedPixels: [Int]
    }

    /// The values in its mask.
    var values = ValueNumbers()
    /// Its images in order.
    var images: [Image] = []
    /// The distance between slices, rows and columns in millimetres; nil when unknown.
    var spacing: SIMD3<Double>?
    /// The same in the prepared images.
    var preparedSpacing: SIMD3<Double>?
    /// Rows and columns of the images in the file.
    var height = 0
    var width = 0
    /// The mask's fingerprint.
    var maskHash = ContentHash("")
    /// What was odd about the mask.
    var warnings: [String] = []
}

extension CaseReading {
    /// Reads the images of one case.
    ///
    /// - Parameters:
    ///   - samples: numbers of the target's images, all of this case.
    ///   - maskPath: its mask.
    /// - Throws: ``AnalyzerError/format(_:)`` for files that cannot be read, and masks that do not fit their image.
    init(of samples: [Int], in target: Target, maskPath: String, policy: MaskPolicy) throws(AnalyzerError) {
        guard let first = samples.first else { return }
        let content = try target.content(of: target.samples[first])
        let mask: MaskContent
        do throws(FormatError) {
            maskHash = ContentHash(try Bytes(mapping: maskPath))
            mask = try MaskContent(reading: maskPath, like: content, policy: policy)
        } catch { throw .format(error) }
        warnings = mask.warnings
        let facts = target.index[target.samples[first].caseNumber].volume
        for sample in samples {
            let number = target.samples[sample].imageNumber
            let raw = content.image(number, channels: target.options.channels)
            let box = ImageBox(
                of: (raw.height, raw.width), spacing: raw.spacing, preparation: target.options.preparation)
            (height, width) = (raw.height, raw.width)
            if let facts {
                let preparation = target.options.preparation
                spacing = SIMD3(facts.sliceSpacing, raw.spacing.row, raw.spacing.column)
                preparedSpacing = SIMD3(
                    facts.sliceSpacing, raw.spacing.row * Double(box.height) / Double(preparation.height),
                    raw.spacing.column * Double(box.width) / Double(preparation.width))
            }
            let labels: LabelMap
            do throws(FormatError) { labels = try mask.labels(number) } catch { throw .format(error) }
            images.append(try image(sample, raw, labels, box, of: target, maskPath: maskPath))
        }
    }

    private mutating func image(
        _ sample: Int, _ raw: RawImage, _ labels: LabelMap, _ box: ImageBox, of target: Target, maskPath: String
    ) throws(AnalyzerError) -> Image {
        guard let numbered = values.number(labels.values) else {
            throw .format(
                FormatError(
                    maskPath,
                    .invalid(
                        section: "mask", expected: "at most \(ValueNumbers.limit) different labels",
                        found: "more; give a mask of class numbers, not an image or a smoothed mask")))
        }
        let preparation = target.options.preparation
        let cut = box.cut(numbered.numbers, height: raw.height, width: raw.width)
        let prepared = resizedNearest(
            cut, from: (box.height, box.width), to: (preparation.height, preparation.width))
        var counts = [Int](repeating: 0, count: 256)
        for number in prepared { counts[Int(number)] += 1 }
        return Image(
            values: try target.prepared(sample, raw), numbers: prepared, pixels: numbered.counts, preparedPixels: counts
        )
    }
}

extension Target {
    /// A decoded image normalised and resized.
    func prepared(_ number: Int, _ raw: RawImage) throws(AnalyzerError) -> [Float] {
        let sample = samples[number]
        let maps = try Normalizer(options.preparation.normalization).maps(
            for: raw, volume: index[sample.caseNumber].statistics, of: listing.cases[sample.caseNumber])
        return options.preparation(raw, maps: maps, channelCount: summary.channelCount)
    }
}
