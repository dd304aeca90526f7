// What a segmentation network is made of, as a user chooses it and as a saved model remembers it.

/// The decoders that can be put on an encoder.
public enum SegmentationKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// The paper's U-Net: nearest upsampling, 2×2 convolution, concatenated skip, two 3×3 convolutions.
    case unet
    /// The same with gated skips (Oktay et al. 2018), as the paper's ResNet-50 Attention U-Net.
    case attentionUNet = "attention-unet"
    /// The paper's Swin U-Net (Cao et al. 2021): patch expanding and Swin blocks.
    case swinUNet = "swin-unet"
    /// The Unet of segmentation_models_pytorch, layer by layer and name by name.
    case smpUNet = "smp-unet"

    /// The name in words.
    public var title: String {
        switch self {
        case .unet: "U-Net"
        case .attentionUNet: "Attention U-Net"
        case .swinUNet: "Swin U-Net"
        case .smpUNet: "U-Net of segmentation_models_pytorch"
        }
    }
}

/// A segmentation network's choices beyond its encoder.
public struct SegmentationDesign: Sendable, Hashable, Codable {
    /// The decoder.
    public var kind: SegmentationKind
    /// How many classes there are, the background included; at least 2.
    public var classes: Int
    /// Channels after each decoder level, deepest first; nil for the kind's own.
    public var decoderChannels: [Int]?
    /// Stochastic depth at the last block, growing linearly from 0 at the first; nil for the kind's own (0.2 for Swin
    /// U-Net, else what the encoder says).
    public var dropPathRate: Float?
    /// Whether two classes have two logits (softmax) rather than one (sigmoid).
    public var isSoftmax: Bool

    /// Describes a network.
    public init(
        kind: SegmentationKind, classes: Int, decoderChannels: [Int]? = nil, dropPathRate: Float? = nil,
        isSoftmax: Bool = false
    ) {
        self.kind = kind
        self.classes = classes
        self.decoderChannels = decoderChannels
        self.dropPathRate = dropPathRate
        self.isSoftmax = isSoftmax
    }

    /// Channels of the logits: one for two classes unless ``isSoftmax``, else one a class.
    public var logitChannels: Int { classes == 2 && !isSoftmax ? 1 : classes }
}
