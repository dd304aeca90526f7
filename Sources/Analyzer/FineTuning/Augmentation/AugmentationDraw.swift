// What happens to one image in one epoch: numbers that hang on the seed, the image and the epoch alone.

/// One draw of every random change.
struct AugmentationDraw: Sendable, Hashable {
    var flipsHorizontally = false
    var flipsVertically = false
    /// Degrees, counter-clockwise as seen.
    var angle = 0.0
    /// Above 1 enlarges.
    var scale = 1.0
    /// To the right and down, in pixels.
    var shift = SIMD2(0.0, 0.0)
    /// The side of the crop as a share of the image's.
    var cropSide = 1.0
    /// The crop's centre from the image's, to the right and down, as a share of the side.
    var cropCenter = SIMD2(0.0, 0.0)
    /// Displacements of the control points in pixels; nil for none.
    var elastic: ElasticField?
    var jitter: JitterParameters?
    var brightness = 0.0
    var gamma = 1.0

    /// No change.
    init() {}

    /// Streams of the generator, so that switching one change on leaves the others' numbers as they are.
    private enum Stream: Int { case flips = 0, rotation, scale, translation, crop, elastic, jitter, brightness, gamma }

    /// Draws the changes of an image.
    ///
    /// - Parameters:
    ///   - identity: what names the image in all runs.
    ///   - epoch: from 0.
    init(_ options: AugmentationOptions, size: (height: Int, width: Int), seed: UInt64, identity: UInt64, epoch: Int) {
        func stream(_ stream: Stream) -> CounterGenerator {
            CounterGenerator(seed: seed, purpose: .augmentation, place: identity, index: epoch, view: stream.rawValue)
        }
        drawPlace(options, size, stream)
        if options.elastic > 0 {
            var generator = stream(.elastic)
            elastic = ElasticField(
                deviation: SIMD2(Double(size.width), Double(size.height)) * options.elastic, from: &generator)
        }
        if let strength = options.jitter {
            var generator = stream(.jitter)
            jitter = JitterParameters(strength.ranges, from: &generator)
        }
        if options.brightness > 0 {
            var generator = stream(.brightness)
            brightness = generator.next(in: -options.brightness...options.brightness)
        }
        if options.gamma > 0 {
            var generator = stream(.gamma)
            let exponent = generator.next(in: -1...1)
            gamma = exponent < 0 ? 1 / (1 - exponent * options.gamma) : 1 + exponent * options.gamma
        }
    }

    private mutating func drawPlace(
        _ options: AugmentationOptions, _ size: (height: Int, width: Int), _ stream: (Stream) -> CounterGenerator
    ) {
        if options.horizontalFlip > 0 || options.verticalFlip > 0 {
            var generator = stream(.flips)
            flipsHorizontally = generator.nextUnit() < options.horizontalFlip
            flipsVertically = generator.nextUnit() < options.verticalFlip
        }
        if options.rotation > 0 || options.quarterTurns {
            var generator = stream(.rotation)
            angle = generator.next(in: -1...1) * options.rotation
            if options.quarterTurns { angle += 90 * Double(generator.next(below: 4)) }
        }
        if options.scale > 0 {
            var generator = stream(.scale)
            scale = max(0.05, 1 + generator.next(in: -1...1) * options.scale)
        }
        if options.translation > 0 {
            var generator = stream(.translation)
            let (x, y) = (generator.next(in: -1...1), generator.next(in: -1...1))
            shift.x = (x * options.translation * Double(size.width)).rounded()
            shift.y = (y * options.translation * Double(size.height)).rounded()
        }
        if options.crop < 1 {
            var generator = stream(.crop)
            cropSide = generator.next(in: max(0.05, options.crop)...1)
            let room = (1 - cropSide) / 2
            cropCenter = SIMD2(generator.next(in: -1...1) * room, generator.next(in: -1...1) * room)
        }
    }

    /// Whether only whole rows and columns change places.
    var isMirroring: Bool {
        angle == 0 && scale == 1 && shift == SIMD2(0, 0) && cropSide == 1 && cropCenter == SIMD2(0, 0) && elastic == nil
    }

    /// Whether intensities change.
    var changesIntensity: Bool { jitter != nil || brightness != 0 || gamma != 1 }
}
