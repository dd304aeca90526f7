// Writing Keras 3's weights (`model.save_weights("x.weights.h5")`, keras/src/saving/saving_lib.py): numbered variables by
// layer. Keras finds a layer by its class and number, so a network's description, or a place that a Keras file gave, is
// what makes a file loadable; without either, layers stand under their own names.

extension CheckpointDraft {
    /// Writes a `.weights.h5` file.
    func writeKerasWeights(to path: String) throws(FormatError) -> WrittenCheckpoint {
        var plan = try kerasStorePlan(format: .kerasWeights, path: path)
        let config = kerasEntries.filter { $0.key == CheckpointMetadata.configKey }
        plan.add(HDF5Attribute.metadata(metadata + config, reserved: []), to: "")
        try plan.nameTensors { (contents) throws(FormatError) in
            try storeCheckpoint([contents], format: "", path: path, sources: [Self.nowhere(path)])
        }
        let image = try HDF5Image(plan, path: path)
        try image.write(to: path)
        var written = WrittenCheckpoint(paths: [path], byteCount: image.byteCount)
        written.remarks = storeRemarks(path: path)
        return written
    }

    /// Writes a `.keras` archive; Keras needs the network's description for it.
    func writeKerasArchive(to path: String) throws(FormatError) -> WrittenCheckpoint {
        guard let kerasConfig else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "a .keras archive of weights without their network's description",
                    advice:
                        "add --dialect keras, which describes the families that Ripe knows, or choose --to weights.h5"))
        }
        let config = try kerasArchiveConfig(kerasConfig, path: path)
        var plan = try kerasStorePlan(format: .kerasArchive, path: path)
        let own: Set = ["keras_version", "date_saved"]
        plan.add(HDF5Attribute.metadata(metadata.filter { !own.contains($0.key) }, reserved: own), to: "")
        var known = CheckpointMetadata()
        try known.takeConfig(config, path: path)
        try plan.nameTensors { (contents) throws(FormatError) in
            try storeCheckpoint([contents], format: "", path: path, sources: [Self.nowhere(path)], metadata: known)
                .namedByConfiguration()
        }
        let image = try HDF5Image(plan, path: path)
        // Keras writes the time of saving; here only the source's own is kept, so that equal weights give equal files.
        let facts: JSON = .object([
            "keras_version": .string(metadata.first { $0.key == "keras_version" }?.value ?? kerasAssumedVersion),
            "date_saved": metadata.first { $0.key == "date_saved" }.map { .string($0.value) },
        ])
        var archive = try ZipWriter(path)
        try archive.add("metadata.json", [Bytes(copying: Array(facts.text().utf8))])
        try archive.add("config.json", [Bytes(copying: Array(config.utf8))])
        try archive.add("model.weights.h5", byteCount: image.byteCount) { (append) throws(FormatError) in
            try image.write(path: path, to: append)
        }
        var written = WrittenCheckpoint(paths: [path], byteCount: try archive.commit())
        written.remarks = storeRemarks(path: path)
        return written
    }

    /// What Keras will not find.
    private func storeRemarks(path: String) -> [String] {
        let identities = KerasIdentities(self, path: path)
        let lost = tensors.filter { Self.storePlace($0, identities[$0]?.variable) == nil }
        guard let first = lost.first else { return identities.remarks(on: tensors) }
        let reason =
            identities.destinations == nil
            ? "nothing tells the classes of their layers (--dialect keras does, for families that Ripe knows)"
            : "the network's description does not have them"
        let count =
            lost.count == 1 ? "'\(printable(first.name))'" : "\(lost.count) tensors ('\(printable(first.name))', …)"
        return [
            "\(count) went under \(lost.count == 1 ? "its own name" : "their own names"), where Keras does not look: \(reason)"
        ] + identities.remarks(on: tensors)
    }

    private static func nowhere(_ path: String) -> KerasCheckpoint.Source {
        KerasCheckpoint.Source(path: path, bytes: Bytes(copying: [UInt8]()))
    }

    /// All data sets and layer names.
    private func kerasStorePlan(format: CheckpointFormat, path: String) throws(FormatError) -> HDF5Plan {
        let identities = KerasIdentities(self, path: path)
        var places = tensors.map { Self.storePlace($0, identities[$0]?.variable) }
        var names: [String: String] = [:]
        for (place, tensor) in zip(places, tensors) {
            guard tensor.dtype.isWritableInHDF5 else { throw tensor.unsupportedType(format, path: path) }
            if let place { names.merge(Self.layerNames(of: place, tensor: tensor.name)) { first, _ in first } }
        }
        // Beside the groups of a network that Keras knows, others must not look like its layers.
        let container = places.contains { $0 != nil } ? "extra" : "layers"
        var counts: [String: Int] = [:]
        for (index, tensor) in tensors.enumerated() where places[index] == nil {
            let layers = Self.layers(of: tensor.name)
            var owner = ""
            for layer in layers {
                // Under this name Keras keeps the state of a random layer, which readers pass over.
                let group = layer == "seed_generator" ? "seed_generator_" : layer
                owner += (owner.isEmpty ? "" : "/") + "\(owner.isEmpty ? container : "layers")/\(group)"
                if container == "layers" { names["\(owner)/vars"] = layer }
            }
            places[index] = "\(owner)/vars/\(counts[owner, default: 0])"
            counts[owner, default: 0] += 1
        }
        var plan = HDF5Plan()
        for (owner, name) in identities.destinations?.owners ?? [] where !name.utf8.contains(0) {
            names[owner] = nil
            plan.groups.append((owner, [HDF5Attribute("name", name)]))
        }
        for (owner, name) in names.sorted(by: { $0.key < $1.key }) where !name.utf8.contains(0) {
            plan.groups.append((owner, [HDF5Attribute("name", name)]))
        }
        for (place, tensor) in zip(places, tensors) {
            plan.dataSets.append(HDF5Plan.DataSet(path: place ?? "", tensor: tensor))
        }
        try plan.check(path: path)
        return plan
    }

    /// Where the network has it, or a Keras file had it; nil when only the name is left to go by.
    private static func storePlace(_ tensor: DraftTensor, _ variable: KerasDestinations.Variable?) -> String? {
        if let variable { return variable.storePath }
        switch tensor.kerasPlace.map(KerasPlace.init) {
        case .store(let place): return place
        case .training(let place): return KerasStore.place(of: place)?.index == nil ? "\(place)/vars/0" : place
        case .legacy, nil: return nil
        }
    }

    /// The names of the layers that lead to a tensor without a place.
    private static func layers(of name: String) -> [String] {
        var parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 1 {
            guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return [name] }
            return [String(name[..<dot])]
        }
        parts.removeLast()
        if parts.count > 1, parts.last == "vars" { parts.removeLast() }
        return parts
    }

    /// What users called the layers on the way to a place, as far as the tensor's name tells: the attribute `name` of
    /// their groups `vars`, by path.
    private static func layerNames(of place: String, tensor: String) -> [String: String] {
        guard let (owner, _) = KerasStore.place(of: place) else { return [:] }
        let names = tensor.split(separator: "/").map(String.init)
        var found: [String: String] = [:]
        var (index, depth) = (0, 0)
        while index < owner.count, depth < names.count {
            let isLayer = KerasStore.containers.contains(owner[index]) && index + 1 < owner.count
            index += isLayer ? 2 : 1
            if isLayer {
                found[(owner[..<index] + ["vars"]).joined(separator: "/")] = names[depth]
            } else if owner[index - 1] != names[depth] {
                return [:]
            }
            depth += 1
        }
        return index == owner.count && depth < names.count ? found : [:]
    }
}
