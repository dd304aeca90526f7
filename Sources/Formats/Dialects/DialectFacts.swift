// What no tensor tells and dialects differ in: epsilons, strides, padding, the order of the input's channels. Such facts
// are carried on or told, never silently changed.

extension DialectTranslator {
    /// The source's epsilon: what its description or an earlier conversion says, else what its code has.
    private var sourceEpsilon: Double? { match.facts.epsilon ?? match.table.epsilons[match.dialect] }

    /// What `--fold-epsilon` adds to every running variance.
    var epsilonToFold: Double {
        guard options.foldsEpsilon, let source = sourceEpsilon, let target = match.table.epsilons[target] else {
            return 0
        }
        return source - target
    }

    /// Completes the draft: metadata, Keras' description, and what the user must know.
    mutating func describe(_ original: CheckpointDraft, makesKerasModel: Bool) throws(FormatError) {
        draft.metadata = original.metadata.filter { !$0.key.hasPrefix(DialectFacts.prefix) }
        let keepsDescription = target == match.dialect && match.prefix.isEmpty
        if keepsDescription {
            draft.kerasConfig = original.kerasConfig
        } else if target == .keras, let model = try kerasModel() {
            draft.sort(by: model)
            draft.kerasConfig = model.configuration.compactText
        }
        if target != match.dialect { compareFacts(isCarried: makesKerasModel && draft.kerasConfig != nil) }
        if !match.prefix.isEmpty { notes.append("the prefix '\(match.prefix)' was taken off") }
        if options.reversesInput { notes.append("the first convolution's input channels were reversed") }
        compareInput()
        draft.metadata += DialectFacts(match, epsilon: options.foldsEpsilon ? nil : sourceEpsilon).pairs
    }

    /// Keras' description of the network with the source's facts in it; nil where the tensors do not fit Keras' form.
    private func kerasModel() throws(FormatError) -> KerasModelDescription? {
        let facts = Dictionary(match.sourceFacts.map { ($0.key, $0.value) }) { first, _ in first }
        let epsilon = options.foldsEpsilon ? match.table.epsilons[.keras] : sourceEpsilon
        let wishes = KerasModelWishes(
            epsilon: epsilon ?? 1e-3, facts: facts, activation: match.dialect == .keras ? "softmax" : "linear")
        let model = try match.table.kerasModel?(DialectSource(draft.tensors, prefix: ""), wishes, path)
        return model.flatMap { draft.fits($0) ? $0 : nil }
    }

    private mutating func compareFacts(isCarried: Bool) {
        let wanted = match.table.facts[target] ?? []
        for fact in match.sourceFacts {
            guard let other = wanted.first(where: { $0.key == fact.key }), other.value != fact.value else { continue }
            if isCarried {
                notes.append("\(fact.key) \(fact.value): written into the network description")
            } else {
                warnings.append(
                    "\(fact.key): in the source \(fact.value); \(target.rawValue)'s own network has it "
                        + "\(other.value). No tensor holds this: build the network as the source has it")
            }
        }
        guard let source = sourceEpsilon, let own = match.table.epsilons[target], source != own else { return }
        if options.foldsEpsilon {
            notes.append("epsilon \(source) became \(own): the difference was added to the running variances")
        } else if isCarried {
            notes.append("epsilon \(source): written into the network description")
        } else {
            warnings.append(
                "epsilon of the normalisation layers: \(source) in the source, \(own) in \(target.rawValue)'s own network; "
                    + "set it there, or give --fold-epsilon to add the difference to the running variances")
        }
    }

    private mutating func compareInput() {
        if ["EfficientNet", "ConvNeXt"].contains(match.table.title), match.dialect != .keras, target == .keras {
            notes.append("Keras' network takes 0…255 and normalises by the ImageNet mean and deviation itself")
        }
        let hasKerasInput = ["ResNet", "VGG"].contains(match.table.title)
        guard hasKerasInput, (match.dialect == .keras) != (target == .keras), !options.reversesInput else { return }
        warnings.append(
            match.dialect == .keras
                ? "keras.applications feeds this network BGR, 0…255, less the ImageNet mean; feed it so, or give "
                    + "--reverse-input to make it take RGB"
                : "keras.applications' preprocess_input would feed this network BGR, 0…255; feed it what the source takes"
        )
    }
}

extension DialectMatch {
    /// What the source says of itself: its description, then what an earlier conversion noted, then what its code has.
    var sourceFacts: [DialectFact] {
        let own = table.facts[dialect] ?? []
        return own.map { fact in DialectFact(key: fact.key, value: facts.values[fact.key] ?? fact.value) }
    }
}

/// Facts that travel in a file's metadata from one conversion to the next.
struct DialectFacts: Sendable {
    /// What their keys begin with.
    static let prefix = "network."

    var values: [String: String] = [:]
    var epsilon: Double?

    /// Facts in a draft's metadata.
    init(_ metadata: [(key: String, value: String)]) {
        for (key, value) in metadata where key.hasPrefix(Self.prefix) {
            let name = String(key.dropFirst(Self.prefix.count))
            if name == "epsilon" { epsilon = Double(value) } else { values[name] = value }
        }
    }

    fileprivate init(_ match: DialectMatch, epsilon: Double?) {
        for fact in match.sourceFacts { values[fact.key] = fact.value }
        self.epsilon = epsilon
    }

    /// As metadata.
    var pairs: [(key: String, value: String)] {
        values.sorted { $0.key < $1.key }.map { (Self.prefix + $0.key, $0.value) }
            + (epsilon.map { [(Self.prefix + "epsilon", "\($0)")] } ?? [])
    }

    /// Takes what a Keras description says.
    mutating func take(_ model: KerasLayer, table: DialectTable) {
        func visit(_ layer: KerasLayer) {
            if ["BatchNormalization", "LayerNormalization"].contains(layer.className), epsilon == nil {
                epsilon = layer.config["epsilon"]?.double
            }
            for (name, read) in table.kerasFacts where layer.name == name {
                if let fact = read(layer.config) { values[fact.key] = fact.value }
            }
            for inner in layer.layers { visit(inner) }
        }
        epsilon = nil
        visit(model)
    }
}
