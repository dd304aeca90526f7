// Which variables a layer has, in the order in which Keras creates (and stores) them. Files number variables; only the
// class and its settings tell what number 2 is. Source: the `build` methods under keras/src/layers (Keras 3.15).

/// One variable of a layer.
struct KerasRole: Sendable, Hashable {
    /// The variable's name, with the attribute that holds it: `kernel`, `cell/kernel`.
    let name: String
    /// The path from the layer to the object that owns the variable: "" for the layer itself, `cell` for recurrent ones.
    let owner: String
    /// The variable's number among its owner's.
    let index: Int
    /// Whether training moves it (the layer being trainable); legacy files list the others last.
    let isTrainable: Bool

    /// The variable's own name, which ends its name in legacy files.
    var lastName: String { name.split(separator: "/").last.map(String.init) ?? name }
}

/// The variables of a layer, or nil when the class is unknown here and the file must tell.
func kerasRoles(className: String, config: JSON) -> [KerasRole]? {
    func flag(_ key: String, default value: Bool = true) -> Bool { config[key]?.bool ?? value }
    let bias = flag("use_bias") ? ["bias"] : []
    switch className {
    case "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
        "Convolution1D", "Convolution2D", "Convolution3D", "DepthwiseConv1D", "DepthwiseConv2D":
        return roles(["kernel"] + bias)
    case "EinsumDense":
        let hasBias = config["bias_axes"].map { $0 != .null } ?? false
        return roles(["kernel"] + (hasBias ? ["bias"] : []))
    case "SeparableConv1D", "SeparableConv2D": return roles(["depthwise_kernel", "pointwise_kernel"] + bias)
    case "BatchNormalization", "SyncBatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2":
        guard !flag("renorm", default: false) else { return nil }
        return roles(affine(flag("scale"), flag("center")), then: ["moving_mean", "moving_variance"])
    case "LayerNormalization", "GroupNormalization", "InstanceNormalization":
        return roles(affine(flag("scale"), flag("center")))
    case "RMSNormalization": return roles(["scale"])
    case "Normalization":
        let isGiven = config["mean"].map { $0 != .null } ?? false
        return roles([], then: isGiven ? [] : ["mean", "variance", "count"])
    case "PReLU": return roles(["alpha"])
    case "LayerScale": return roles(["gamma"])
    case "Embedding": return roles(["embeddings"])
    case "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D":
        return roles(["kernel", "recurrent_kernel"] + bias, owner: "cell")
    case "MultiHeadAttention":
        return ["query_dense", "key_dense", "value_dense", "output_dense"].flatMap {
            roles(["kernel"] + bias, owner: $0)
        }
    default: return variableFree.contains(className) ? [] : nil
    }
}

/// Layers without variables (a dropout's random state is no weight).
private let variableFree: Set<String> = [
    "InputLayer", "Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "ThresholdedReLU", "Dropout", "SpatialDropout1D",
    "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout", "GaussianNoise", "AlphaDropout",
    "ActivityRegularization", "Flatten", "Reshape", "Permute", "RepeatVector", "Masking", "Lambda", "Identity",
    "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot",
    "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GlobalAveragePooling1D",
    "GlobalAveragePooling2D", "GlobalAveragePooling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
    "Cropping1D", "Cropping2D", "Cropping3D", "UpSampling1D", "UpSampling2D", "UpSampling3D", "Rescaling", "Resizing",
    "CenterCrop", "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast",
    "RandomBrightness", "RandomCrop", "UnitNormalization",
]

private func affine(_ hasScale: Bool, _ hasCenter: Bool) -> [String] {
    (hasScale ? ["gamma"] : []) + (hasCenter ? ["beta"] : [])
}

private func roles(_ trainable: [String], then fixed: [String] = [], owner: String = "") -> [KerasRole] {
    (trainable + fixed).enumerated().map { index, name in
        KerasRole(
            name: owner.isEmpty ? name : "\(owner)/\(name)", owner: owner, index: index,
            isTrainable: index < trainable.count)
    }
}

/// The variables of a layer whose settings are unknown, from the snake_case class in a weight file's path and how many
/// variables there are; nil for classes that this leaves open.
func kerasRoleNames(storeName: String, count: Int) -> [String]? {
    switch (storeName, count) {
    case ("dense", 1...2), ("conv1d", 1...2), ("conv2d", 1...2), ("conv3d", 1...2), ("conv1d_transpose", 1...2),
        ("conv2d_transpose", 1...2), ("conv3d_transpose", 1...2), ("depthwise_conv1d", 1...2),
        ("depthwise_conv2d", 1...2), ("einsum_dense", 1...2), ("query_dense", 1...2), ("key_dense", 1...2),
        ("value_dense", 1...2), ("output_dense", 1...2):
        return Array(["kernel", "bias"].prefix(count))
    case ("separable_conv1d", 2...3), ("separable_conv2d", 2...3):
        return Array(["depthwise_kernel", "pointwise_kernel", "bias"].prefix(count))
    case ("batch_normalization", 4), ("sync_batch_normalization", 4):
        return ["gamma", "beta", "moving_mean", "moving_variance"]
    case ("batch_normalization", 2), ("sync_batch_normalization", 2): return ["moving_mean", "moving_variance"]
    // With three, the first may be gamma (center=False) or beta (scale=False), of the same shape.
    case ("batch_normalization", 3), ("sync_batch_normalization", 3):
        return ["vars/0", "moving_mean", "moving_variance"]
    case ("layer_normalization", 2), ("group_normalization", 2): return ["gamma", "beta"]
    case ("normalization", 3): return ["mean", "variance", "count"]
    case ("p_re_lu", 1): return ["alpha"]
    case ("layer_scale", 1): return ["gamma"]
    case ("embedding", 1): return ["embeddings"]
    case ("cell", 2...3): return Array(["kernel", "recurrent_kernel", "bias"].prefix(count))
    default: return nil
    }
}
