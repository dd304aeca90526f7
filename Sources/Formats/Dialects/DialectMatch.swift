// Finding out which network a checkpoint holds and in whose names, with every tensor accounted for.

/// A network found in a checkpoint.
struct DialectMatch: Sendable {
    /// In whose names it is.
    let dialect: Dialect
    /// What stands before the names in the file.
    let prefix: String
    let table: DialectTable
    /// For each variable of the table, the tensor that holds it.
    let tensors: [DraftTensor?]
    /// Tensors that are none of the network's.
    let unmatched: [DraftTensor]
    /// What the file itself says of the network beyond its tensors.
    var facts = DialectFacts([])
    /// Variables that cannot be missing and are, by name in the file's dialect.
    let missing: [String]

    /// Every family that is known here.
    static var families: [any DialectFamily.Type] {
        [
            SeedDialects.self, ResNetDialects.self, SwinDialects.self, ConvNeXtDialects.self, EfficientNetDialects.self,
            VGGDialects.self,
        ]
    }

    /// Finds the network.
    ///
    /// - Throws: ``FormatError`` with `.unrecognized` when no family fits, naming those that came closest.
    init(_ draft: CheckpointDraft, path: String) throws(FormatError) {
        var best: DialectMatch?
        for family in Self.families {
            for anchors in family.anchors {
                for prefix in Self.prefixes(of: anchors, in: draft.tensors) {
                    let source = DialectSource(draft.tensors, prefix: prefix)
                    guard let table = family.table(source, dialect: anchors.dialect) else { continue }
                    let match = DialectMatch(draft.tensors, table, dialect: anchors.dialect, prefix: prefix)
                    if match.fitness > best?.fitness ?? (.min, .min) { best = match }
                }
            }
        }
        guard let best, best.missing.isEmpty else { throw Self.unrecognized(draft, closest: best, path: path) }
        self = best
        facts = DialectFacts(draft.metadata)
        if dialect == .keras, let config = draft.kerasConfig {
            facts.take(try KerasLayer(configuration: config, path: path), table: table)
        }
    }

    /// Fills the table's variables from the tensors below a prefix.
    private init(_ all: [DraftTensor], _ table: DialectTable, dialect: Dialect, prefix: String) {
        var indices: [String: Int] = [:]
        for (index, tensor) in all.enumerated() where tensor.name.hasPrefix(prefix) {
            indices[Self.tidied(String(tensor.name.dropFirst(prefix.count)), dialect)] = index
        }
        var used = Set<Int>()
        var missing: [String] = []
        var tensors: [DraftTensor?] = []
        for variable in table.variables {
            let names = variable.sourceName.map { [$0] } ?? variable.names[dialect] ?? []
            let index = names.lazy.compactMap { indices[Self.bare($0, dialect)] }.first
            tensors.append(index.map { all[$0] })
            if let index { used.insert(index) }
            let isOptional = variable.isHead || variable.filling != .none || variable.droppable != nil
            if index == nil, !isOptional, let name = names.first { missing.append(name) }
        }
        self.dialect = dialect
        self.prefix = prefix
        self.table = table
        self.tensors = tensors
        self.missing = missing
        unmatched = all.indices.filter { !used.contains($0) }.map { all[$0] }
    }

    /// The more of the network is there and the less is left over, the better.
    private var fitness: (Int, Int) { (-missing.count, -unmatched.count) }

    /// Where all of the anchors stand.
    private static func prefixes(
        of anchors: (dialect: Dialect, names: [String]), in tensors: [DraftTensor]
    ) -> [String] {
        var common: [String]?
        for name in anchors.names {
            let found = anchored(name, in: tensors, dialect: anchors.dialect)
            common = common?.filter { found.contains($0) } ?? found
        }
        return common ?? []
    }

    private static func anchored(_ anchor: String, in tensors: [DraftTensor], dialect: Dialect) -> [String] {
        guard dialect == .seed else { return DialectSource.prefixes(of: anchor, in: tensors, dialect: dialect) }
        let tidy = tensors.map { tensor in
            var tidy = tensor
            tidy.name = tidied(tensor.name, dialect)
            return tidy
        }
        return DialectSource.prefixes(of: anchor, in: tidy, dialect: dialect)
    }

    /// The paper's wrapper class adds a component `model`, which some files keep.
    private static func tidied(_ name: String, _ dialect: Dialect) -> String {
        guard dialect == .seed, name.contains("model") else { return name }
        return name.split(separator: ".", omittingEmptySubsequences: false).filter { $0 != "model" }
            .joined(separator: ".")
    }

    /// A name of smp's without the beginning that is part of the prefix here.
    private static func bare(_ name: String, _ dialect: Dialect) -> String {
        guard dialect == .smp else { return name }
        for beginning in ["encoder.model.", "encoder."] where name.hasPrefix(beginning) {
            return String(name.dropFirst(beginning.count))
        }
        return name
    }

    /// The error when no family fits.
    private static func unrecognized(
        _ draft: CheckpointDraft, closest: DialectMatch?, path: String
    ) -> FormatError {
        let advice = "leave --dialect out to convert the format only, or take the encoder's tensors with --only"
        if let closest {
            let names = closest.missing.prefix(3).map { printable($0) }.joined(separator: ", ")
            return FormatError(
                path,
                .unrecognized(
                    found: "no dialect is known for these \(draft.tensors.count) tensors: \(closest.table.title) "
                        + "(\(closest.dialect.rawValue)'s names, \(closest.table.sizes)) comes closest, which also has "
                        + "\(names)\(closest.missing.count > 3 ? " and \(closest.missing.count - 3) more" : "")",
                    advice: advice))
        }
        // How much of each family's anchors is there.
        let found = families.compactMap { family -> (title: String, share: Double)? in
            let shares = family.anchors.map { anchors in
                let there = anchors.names.filter { !anchored($0, in: draft.tensors, dialect: anchors.dialect).isEmpty }
                return Double(there.count) / Double(anchors.names.count)
            }
            let share = shares.max() ?? 0
            return share > 0 ? (family.title, share) : nil
        }.sorted { $0.share > $1.share }
        let close =
            found.isEmpty
            ? "none of \(families.map { $0.title }.joined(separator: ", ")) comes close"
            : "\(found.prefix(2).map(\.title).joined(separator: " and ")) come\(found.count == 1 ? "s" : "") closest"
        return FormatError(
            path,
            .unrecognized(
                found: "no dialect is known for these \(draft.tensors.count) tensors: \(close)", advice: advice))
    }
}
