// How a model's images were prepared, as its file says it: training writes it, prediction does the same to new images.

public import Engine
import Formats
import FoundationEssentials

/// The preparation that a ``SegmentationCard`` carries as text.
///
/// ```json
/// {"channels":[0],"fit":"stretch","height":224,"imageChannels":1,"normalization":"auto",
///  "schema":"ripe.preparation/1","sliceAxis":"auto","width":224}
/// ```
public struct ModelPreparation: Sendable, Hashable {
    /// Size, fit and intensities.
    public var image: ImagePreparation
    /// Which channels of multi-channel cases are used, from 0: one, or three.
    public var channels: [Int]
    /// How volumes are cut.
    public var sliceAxis: SliceAxis
    /// Channels of the prepared images: 1 (grey, repeated where the network takes more) or 3 (colours).
    public var imageChannels: Int

    /// The schema's name and version.
    public static let schema = "ripe.preparation/1"

    /// The preparation of a target that a model is trained on.
    ///
    /// - Parameter imageChannels: channels of its prepared images, `target.imageShape.channels`.
    public init(_ options: TargetOptions, imageChannels: Int) {
        image = options.preparation
        channels = options.channels
        sliceAxis = options.sliceAxis
        self.imageChannels = imageChannels
    }

    /// Reads a card's text.
    ///
    /// - Throws: ``AnalyzerError/engine(_:)`` with `.noNetwork` for a text that is missing, damaged or of another schema.
    public init(_ card: SegmentationCard) throws(AnalyzerError) {
        guard !card.preparation.isEmpty else {
            throw Self.refusal("the model does not say how its images were prepared; train it with `ripe finetune`")
        }
        let stored: Stored
        do { stored = try JSONDecoder().decode(Stored.self, from: Data(card.preparation.utf8)) } catch {
            throw Self.refusal("how the model's images were prepared cannot be read; the file is damaged")
        }
        guard stored.schema == Self.schema else {
            throw Self.refusal("expected a preparation of \(Self.schema), found \(stored.schema); use a newer ripe")
        }
        guard 1...8192 ~= stored.height, 1...8192 ~= stored.width, [1, 3].contains(stored.imageChannels),
            [1, 3].contains(stored.channels.count), stored.channels.allSatisfy({ 0..<1 << 16 ~= $0 }),
            let fit = ImagePreparation.Fit(rawValue: stored.fit), let axis = SliceAxis(stored.sliceAxis),
            let normalization = try? Normalization(stored.normalization)
        else { throw Self.refusal("how the model's images were prepared makes no sense; the file is damaged") }
        image = ImagePreparation()
        (image.height, image.width, image.fit) = (stored.height, stored.width, fit)
        image.normalization = normalization
        (channels, sliceAxis, imageChannels) = (stored.channels, axis, stored.imageChannels)
    }

    private static func refusal(_ reason: String) -> AnalyzerError { .engine(.noNetwork(reason: reason)) }

    /// The text for a card.
    ///
    /// - Throws: ``AnalyzerError/engine(_:)`` if the values cannot be written, such as an infinite window.
    public func text() throws(AnalyzerError) -> String {
        let stored = Stored(
            schema: Self.schema, height: image.height, width: image.width, fit: image.fit.rawValue,
            normalization: image.normalization.description, channels: channels, sliceAxis: sliceAxis.description,
            imageChannels: imageChannels)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { return String(decoding: try encoder.encode(stored), as: UTF8.self) } catch {
            throw Self.refusal("how the images are prepared cannot be written: \(error)")
        }
    }

    /// Options that open images as the model's were; empty slices are kept.
    public func targetOptions(threads: Int) -> TargetOptions {
        var options = TargetOptions()
        options.preparation = image
        options.channels = channels
        options.sliceAxis = sliceAxis
        options.dropsEmptySlices = false
        options.threads = threads
        return options
    }

    private struct Stored: Codable {
        var schema: String
        var height: Int
        var width: Int
        var fit: String
        var normalization: String
        var channels: [Int]
        var sliceAxis: String
        var imageChannels: Int
    }
}
