// A network's variables in all its dialects, built layer by layer: each family states a layer's name in every dialect
// once, and the kind of the layer says which variables that makes and how they lie.

/// The variables of one network.
struct DialectTable: Sendable {
    /// The family's title, such as "ResNet".
    var title: String
    /// What the network is made of, such as "blocks 3-4-6-3".
    var sizes: String
    /// The variables in PyTorch's order.
    var variables: [DialectVariable] = []
    /// The epsilon that a dialect's normalisation layers have, where nothing in the file tells.
    var epsilons: [Dialect: Double] = [:]
    /// What no file tells and dialects differ in, such as where strides are.
    var facts: [Dialect: [DialectFact]] = [:]
    /// Layers of Keras' description that tell a fact, and how.
    var kerasFacts: [(layer: String, read: @Sendable (JSON) -> DialectFact?)] = []
    /// Makes Keras' description of the network, where there is one.
    var kerasModel: KerasModelMaker?

    init(title: String, sizes: String) {
        self.title = title
        self.sizes = sizes
    }

    /// The dialects that have the network.
    var dialects: [Dialect] {
        Dialect.allCases.filter { dialect in variables.contains { !$0.isHead && $0.name(in: dialect) != nil } }
    }
}

/// Something that a dialect assumes of a network and no tensor tells.
struct DialectFact: Sendable, Hashable {
    /// What it is about, such as "stride".
    let key: String
    /// What the dialect does, such as "on the 3×3 convolution".
    let value: String
}

/// A layer's name in each dialect that has it.
struct LayerNames: ExpressibleByDictionaryLiteral {
    var names: [Dialect: String]
    /// The name in the file, where that is an older one than its dialect's.
    var source: String?

    init(dictionaryLiteral names: (Dialect, String)...) {
        self.names = Dictionary(names) { first, _ in first }
    }

    /// The same with something appended to each name.
    func appending(_ part: (Dialect) -> String) -> LayerNames {
        var result = self
        for (dialect, name) in names { result.names[dialect] = name + part(dialect) }
        result.source = source.map { $0 + part(.timm) }
        return result
    }
}

extension DialectTable {
    /// Who has a convolution's bias.
    enum BiasRule {
        /// Nobody.
        case none
        /// Everybody.
        case everyone
        /// Only Keras; elsewhere the BatchNorm that comes next takes it up. The number of output channels.
        case onlyKeras(channels: Int)
    }

    /// Adds a convolution; a bias that only Keras has is taken up by the ``batchNorm(_:isHead:)`` that must follow.
    mutating func convolution(
        _ names: LayerNames, bias: BiasRule = .none, layout: VariableLayout = .kernel, isFirst: Bool = false
    ) {
        var kernel = Self.variable(names, torch: "weight", keras: ["kernel"], layout: layout)
        if layout == .depthwiseKernel {
            kernel.names[.keras] = names.names[.keras].map { ["\($0)/kernel", "\($0)/depthwise_kernel"] }
        }
        kernel.isFirstKernel = isFirst
        variables.append(kernel)
        var vector = Self.variable(names, torch: "bias", keras: ["bias"])
        switch bias {
        case .none: return
        case .everyone: break
        case .onlyKeras(let channels):
            vector.names = vector.names.filter { $0.key == .keras }
            vector.filling = .zeros(.float32, [channels])
            // weight, bias, then running_mean of the BatchNorm that follows
            vector.absorber = variables.count + 3
        }
        variables.append(vector)
    }

    /// Adds a batch normalisation.
    mutating func batchNorm(_ names: LayerNames) {
        for (torch, keras) in [
            ("weight", "gamma"), ("bias", "beta"), ("running_mean", "moving_mean"), ("running_var", "moving_variance"),
        ] {
            var variable = Self.variable(names, torch: torch, keras: [keras])
            variable.isRunningVariance = torch == "running_var"
            variables.append(variable)
        }
        var counter = Self.variable(names, torch: "num_batches_tracked", keras: [])
        counter.filling = .zeros(.int64, [])
        counter.droppable = "batch counters of BatchNorm"
        variables.append(counter)
    }

    /// Adds a layer normalisation.
    mutating func layerNorm(_ names: LayerNames, isHead: Bool = false) {
        for (torch, keras) in [("weight", "gamma"), ("bias", "beta")] {
            var variable = Self.variable(names, torch: torch, keras: [keras])
            variable.isHead = isHead
            variables.append(variable)
        }
    }

    /// Adds a linear layer with or without a bias.
    ///
    /// - Parameter shapes: the weight's shape where a dialect makes it a convolution.
    mutating func linear(
        _ names: LayerNames, layout: VariableLayout = .linear, hasBias: Bool = true, isHead: Bool = false,
        shapes: [Dialect: Shape] = [:]
    ) {
        var weight = Self.variable(names, torch: "weight", keras: ["kernel"], layout: layout)
        weight.shapes = shapes
        weight.isHead = isHead
        variables.append(weight)
        guard hasBias else { return }
        var bias = Self.variable(names, torch: "bias", keras: ["bias"])
        bias.isHead = isHead
        variables.append(bias)
    }

    /// Adds a parameter that is no layer's: names are whole.
    mutating func parameter(_ names: LayerNames, shapes: [Dialect: Shape] = [:]) {
        var variable = DialectVariable(names: names.names.mapValues { [$0] }, layout: .same)
        variable.sourceName = names.source
        variable.shapes = shapes
        variables.append(variable)
    }

    /// A layer's variable, by its full names.
    private static func variable(
        _ layer: LayerNames, torch: String, keras: [String], layout: VariableLayout = .same
    ) -> DialectVariable {
        var names: [Dialect: [String]] = [:]
        for (dialect, name) in layer.names {
            let full = dialect == .keras ? keras.map { "\(name)/\($0)" } : ["\(name).\(torch)"]
            if !full.isEmpty { names[dialect] = full }
        }
        var variable = DialectVariable(names: names, layout: layout)
        variable.sourceName = layer.source.map { "\($0).\(torch)" }
        return variable
    }
}
