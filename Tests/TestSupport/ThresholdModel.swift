// A segmentation network whose answer is known: it says which pixels are brighter than a threshold.

public import Engine
import Formats

/// A two-level encoder with smp's decoder whose weights pass the image through: the logit of a pixel is
/// `steepness · (intensity − threshold)`, whatever is around it.
public enum ThresholdModel {
    private static let steepness: Float = 1000

    /// The description of the network.
    ///
    /// - Parameters:
    ///   - classNames: two (one logit, one threshold), or more (softmax): class k from threshold k on.
    ///   - size: rows and columns of the prepared images.
    ///   - preparation: the card's text.
    public static func card(
        classNames: [String] = ["background", "bright"], classValues: [Int32] = [0, 1], size: Size2, preparation: String
    ) -> SegmentationCard {
        var encoder = Graph(inputChannels: 3)
        // The average of the colours.
        let fine = Op.Convolution(weight: Parameter("fine.weight", [1, 3, 1, 1]))
        let first = encoder.add(.convolution(fine), 0, name: "fine")
        let window = Op.Window(size: Size2(2), stride: Size2(2), padding: .fixed(.none))
        let second = encoder.add(.maxPool(window), first, name: "coarse")
        encoder.levels = [first, second]
        return SegmentationCard(
            design: SegmentationDesign(kind: .smpUNet, classes: classNames.count, decoderChannels: [1]),
            encoder: encoder, encoderTitle: "a threshold", storedShapes: [:], normalization: .unit,
            classNames: classNames, classValues: classValues, imageSize: size, preparation: preparation)
    }

    /// The weights of such a network.
    ///
    /// - Parameter thresholds: between 0 and 1, ascending; one for two classes.
    public static func parameters(_ card: SegmentationCard, thresholds: [Float]) throws(EngineError) -> ParameterTable {
        var tensors: [String: TensorView] = [:]
        for parameter in try card.network().parameters {
            let count = parameter.shape.elementCount
            var values = [Float](repeating: 0, count: count)
            switch parameter.name {
            case "encoder.fine.weight": values = [1.0 / 3, 1.0 / 3, 1.0 / 3]
            // Inputs: the coarse level, then the fine one; the middle tap of the latter.
            case "decoder.blocks.0.conv1.0.weight": values[9 + 4] = 1
            case "decoder.blocks.0.conv2.0.weight": values[4] = 1
            case "segmentation_head.0.weight":
                for channel in 0..<parameter.shape[0] { values[9 * channel + 4] = slope(channel, parameter.shape[0]) }
            case "segmentation_head.0.bias":
                for channel in 0..<count { values[channel] = offset(channel, count, thresholds) }
            case let name where name.hasSuffix("running_var"):
                // So that dividing by √(variance + ε) changes nothing.
                values = [Float](repeating: 1 - 1e-5, count: count)
            case let name where name.hasSuffix("weight") && parameter.shape.rank == 1:
                values = [Float](repeating: 1, count: count)
            default: break
            }
            tensors[parameter.name] = TensorView(floats: values, shape: parameter.shape)
        }
        return ParameterTable(tensors)
    }

    /// Lines whose upper hull changes from class k − 1 to class k at threshold k.
    private static func slope(_ channel: Int, _ channels: Int) -> Float {
        channels == 1 ? steepness : steepness * Float(channel)
    }

    private static func offset(_ channel: Int, _ channels: Int, _ thresholds: [Float]) -> Float {
        channels == 1 ? -steepness * thresholds[0] : -steepness * thresholds.prefix(channel).reduce(0, +)
    }
}
