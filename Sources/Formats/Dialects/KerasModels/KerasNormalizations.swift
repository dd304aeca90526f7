// Layers that shift and scale. Sources: keras/src/layers/normalization/, preprocessing/normalization.py,
// applications/convnext.py (LayerScale).

/// Normalisation by statistics that training gathered, over the last axis of a map.
struct KerasBatchNormalization: KerasLayerClass {
    let epsilon: Double

    var className: String { "BatchNormalization" }

    var settings: KerasSettings {
        [
            "axis": 3, "momentum": .real(0.99), "epsilon": .real(epsilon), "center": true, "scale": true,
            "beta_initializer": .kerasZeros, "gamma_initializer": .kerasOnes,
            "moving_mean_initializer": .kerasZeros, "moving_variance_initializer": .kerasOnes,
            "beta_regularizer": .null, "gamma_regularizer": .null, "beta_constraint": .null,
            "gamma_constraint": .null, "synchronized": false, "renorm": false, "renorm_clipping": .null,
            "renorm_momentum": .real(0.99),
        ]
    }

    var callArguments: KerasSettings { ["mask": .null] }

    func variables(_ inputs: [[Int?]]) -> [KerasModelVariable]? {
        guard let axes = inputs.first, axes.count == 3, let channels = axes[2] else { return nil }
        return [
            KerasModelVariable(name: "gamma", shape: [channels]),
            KerasModelVariable(name: "beta", shape: [channels]),
            KerasModelVariable(name: "moving_mean", shape: [channels], isTrainable: false),
            KerasModelVariable(name: "moving_variance", shape: [channels], isTrainable: false),
        ]
    }
}

/// Normalisation of each place by its own channels.
struct KerasLayerNormalization: KerasLayerClass {
    let epsilon: Double

    var className: String { "LayerNormalization" }

    var settings: KerasSettings {
        [
            "axis": .integers([-1]), "epsilon": .real(epsilon), "center": true, "scale": true, "rms_scaling": false,
            "beta_initializer": .kerasZeros, "gamma_initializer": .kerasOnes, "beta_regularizer": .null,
            "gamma_regularizer": .null, "beta_constraint": .null, "gamma_constraint": .null,
        ]
    }

    func variables(_ inputs: [[Int?]]) -> [KerasModelVariable]? {
        guard let channels = inputs.first?.last ?? nil else { return nil }
        return [
            KerasModelVariable(name: "gamma", shape: [channels]), KerasModelVariable(name: "beta", shape: [channels]),
        ]
    }
}

/// (input − mean) / √variance by channel: with given numbers, or with ones that are the layer's variables.
struct KerasNormalization: KerasLayerClass {
    /// The axis as Keras writes it: EfficientNet counts from the front (3), ConvNeXt from the end (−1).
    let axis: Int
    /// Mean and variance by channel; nil for variables.
    var statistics: (mean: [Double], variance: [Double])?

    var className: String { "Normalization" }

    var settings: KerasSettings {
        [
            "axis": .integers([axis]), "invert": false,
            "mean": statistics.map { .array($0.mean.map(JSON.real)) } ?? .null,
            "variance": statistics.map { .array($0.variance.map(JSON.real)) } ?? .null,
        ]
    }

    func variables(_ inputs: [[Int?]]) -> [KerasModelVariable]? {
        guard let axes = inputs.first, axes.count == 3, let channels = axes[2] else { return nil }
        if let statistics {
            return statistics.mean.count == channels && statistics.variance.count == channels ? [] : nil
        }
        return [
            KerasModelVariable(name: "mean", shape: [channels], isTrainable: false),
            KerasModelVariable(name: "variance", shape: [channels], isTrainable: false),
            KerasModelVariable(name: "count", shape: [], isTrainable: false, isInteger: true),
        ]
    }
}

/// Every value times `scale`, one number or one a channel.
struct KerasRescaling: KerasLayerClass {
    let scale: [Double]

    var className: String { "Rescaling" }

    var settings: KerasSettings {
        [
            "scale": scale.count == 1 ? .real(scale[0]) : .array(scale.map(JSON.real)),
            "offset": .real(0),
        ]
    }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? {
        guard let axes = inputs.first, let channels = axes.last ?? nil, [1, channels].contains(scale.count) else {
            return nil
        }
        return axes
    }
}

/// ConvNeXt's learnt factor by channel. Keras finds the class by module and name, without `custom_objects`.
struct KerasLayerScale: KerasLayerClass {
    let initialValue: Double

    var className: String { "LayerScale" }
    var module: String { "keras.src.applications.convnext" }
    var registeredName: String? { "LayerScale" }

    func config(name: String, inputs: [[Int?]], members: [KerasModelLayer]) -> JSON {
        let own: KerasSettings = [
            "init_values": .real(initialValue),
            "projection_dim": .integer((inputs.first?.last ?? nil) ?? 0),
        ]
        return .object((JSON.kerasBase(name: name).members ?? []) + (JSON.object(own).members ?? []))
    }

    func variables(_ inputs: [[Int?]]) -> [KerasModelVariable]? {
        guard let channels = inputs.first?.last ?? nil else { return nil }
        return [KerasModelVariable(name: "gamma", shape: [channels])]
    }
}
