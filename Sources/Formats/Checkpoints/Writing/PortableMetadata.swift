// Metadata as pairs of text, which is what formats have room for: safetensors' `__metadata__`, an entry of a PyTorch zip,
// the comment of a NumPy archive, attributes of an HDF5 file. Written and read in one place, so that they come back.

extension CheckpointMetadata {
    /// The plain values as pairs; ``take(_:)`` finds epoch, step and program again.
    var portable: [(key: String, value: String)] {
        var pairs = entries
        func add(_ key: String, _ value: String?, unless others: [String]) {
            guard let value, !pairs.contains(where: { others.contains($0.key) }) else { return }
            pairs.append((key, value))
        }
        add("epoch", epoch.map { String($0) }, unless: Self.epochKeys)
        add("global_step", step.map { String($0) }, unless: Self.stepKeys)
        if let writer, writer.hasPrefix("Keras ") {
            add("keras_version", String(writer.dropFirst(6)), unless: ["keras_version"])
        }
        return pairs
    }

    private static let epochKeys = ["epoch", "current_epoch"]
    private static let stepKeys = ["step", "global_step", "iteration"]
    /// The pair that holds Keras' network description.
    static let configKey = "keras_config"
    /// The pair that says where a Keras file kept each tensor, as a JSON object.
    static let placesKey = "keras_variables"

    /// Takes one pair that a file holds.
    ///
    /// - Throws: ``FormatError`` with `.invalid` for a network description or places that are no JSON.
    mutating func take(_ key: String, _ value: String, path: String) throws(FormatError) {
        if key == Self.configKey { return try takeConfig(value, path: path) }
        if key == Self.placesKey {
            let places = try JSON(value, path: path, section: "metadata '\(key)'").members ?? []
            kerasPlaces = places.compactMap { member in member.value.string.map { (member.key, $0) } }
            return
        }
        entries.append((printable(key), printable(value)))
        if Self.epochKeys.contains(key) { epoch = epoch ?? Int(value) }
        if Self.stepKeys.contains(key) { step = step ?? Int(value) }
        if key == "keras_version" { writer = writer ?? "Keras \(printable(value))" }
    }

    /// Takes the pairs that a PyTorch or NumPy writer of this module left; other text is passed over.
    mutating func take(portable text: Bytes, path: String, section: String) throws(FormatError) {
        guard text.count > 0, let pairs = (try? JSON(text, path: path, section: section))?.members else { return }
        for pair in pairs { if let value = pair.value.string { try take(pair.key, value, path: path) } }
    }
}

extension CheckpointDraft {
    /// What formats that are not Keras' own keep beside the metadata, so that the way back to Keras stays open: the
    /// network's description, and the tensors' places in the Keras file that they came from.
    var kerasEntries: [(key: String, value: String)] {
        var entries: [(key: String, value: String)] = []
        if let kerasConfig { entries.append((CheckpointMetadata.configKey, kerasConfig)) }
        // What the description tells need not be said again.
        let identities = KerasIdentities(self, path: "")
        let places: [JSON.Member] = tensors.compactMap { tensor in
            guard let place = tensor.kerasPlace, identities[tensor]?.variable.isFound(place, tensor) != true else {
                return nil
            }
            return JSON.Member(key: tensor.name, value: .string(place))
        }
        if !places.isEmpty { entries.append((CheckpointMetadata.placesKey, JSON.object(places).compactText)) }
        return entries
    }

    /// The metadata and ``kerasEntries`` as one object of strings; nil when there is nothing.
    var metadataJSON: JSON? {
        let members = (metadata + kerasEntries).map { JSON.Member(key: $0.key, value: .string($0.value)) }
        return members.isEmpty ? nil : .object(members)
    }
}
