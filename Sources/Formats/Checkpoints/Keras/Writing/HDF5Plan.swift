// What an HDF5 file is to hold, before it is written: groups, data sets and their attributes by path. Every form of
// Keras' files is such a plan.

/// The tree of an HDF5 file that is about to be written.
struct HDF5Plan {
    /// Groups that have attributes, or exist without members; "" is the root. Those that lead to others need no mention.
    var groups: [(path: String, attributes: [HDF5Attribute])] = []
    /// The tensors in the order in which their values are to lie in the file.
    var dataSets: [DataSet] = []

    /// A tensor and where it goes.
    struct DataSet {
        /// The path from the root, without a leading slash.
        var path: String
        var tensor: DraftTensor
        var attributes: [HDF5Attribute] = []
        /// The path of the data set that holds the same values: this one is only a link to it.
        var holder: String?
    }

    /// Adds attributes to a group.
    mutating func add(_ attributes: [HDF5Attribute], to path: String) {
        if let index = groups.firstIndex(where: { $0.path == path }) {
            groups[index].attributes += attributes
        } else {
            groups.append((path, attributes))
        }
    }
}

/// An attribute as h5py and Keras write it.
struct HDF5Attribute: Equatable {
    let name: String
    let value: Value

    enum Value: Equatable {
        /// One text of any length.
        case text(String)
        /// A list of short texts.
        case texts([String])
    }

    init(_ name: String, _ text: String) {
        self.name = name
        value = .text(text)
    }

    /// Lists of names as Keras writes them: the list, split into `name0`, `name1`, … where it is longer than a message
    /// of an object header can be (`HDF5_OBJECT_HEADER_LIMIT` in keras/src/legacy/saving/legacy_h5_format.py).
    static func list(_ name: String, _ texts: [String]) -> [HDF5Attribute] {
        let limit = 64512
        let width = max(1, texts.map(\.utf8.count).max() ?? 1)
        let most = max(1, limit / width)
        guard texts.count > most else { return [HDF5Attribute(name: name, value: .texts(texts))] }
        let count = (texts.count + most - 1) / most
        return (0..<count).map { part in
            let (first, last) = (part * texts.count / count, (part + 1) * texts.count / count)
            return HDF5Attribute(name: "\(name)\(part)", value: .texts(Array(texts[first..<last])))
        }
    }

    private init(name: String, value: Value) {
        self.name = name
        self.value = value
    }
}

extension HDF5Plan {
    /// The longest name of a link and the deepest tree that this module's reader takes.
    private static let (longestName, mostParts) = (HDF5Cursor.longestText, 60)

    /// Refuses what HDF5 cannot name, and paths that are in each other's way.
    ///
    /// - Throws: ``FormatError`` with `.unsupported` that names the tensors.
    func check(path file: String) throws(FormatError) {
        let advice = "rename one with --rename, or choose safetensors"
        var owners: [String: DraftTensor] = [:]
        for dataSet in dataSets {
            try checkName(dataSet, file: file)
            if let other = owners.updateValue(dataSet.tensor, forKey: dataSet.path) {
                let names = "'\(printable(other.name))' and '\(printable(dataSet.tensor.name))'"
                throw FormatError(
                    file,
                    .unsupported(
                        feature: "tensors \(names) in one place, '\(printable(dataSet.path))',", advice: advice))
            }
        }
        let groups = Set(dataSets.flatMap { Self.ancestors(of: $0.path) })
        for dataSet in dataSets where groups.contains(dataSet.path) {
            let inner = dataSets.first { $0.path.hasPrefix(dataSet.path + "/") } ?? dataSet
            let names = "'\(printable(dataSet.tensor.name))' and '\(printable(inner.tensor.name))'"
            throw FormatError(
                file,
                .unsupported(
                    feature:
                        "tensors \(names) in one HDF5 file, where '\(printable(dataSet.path))' cannot be both a data "
                        + "set and a group,", advice: advice))
        }
        try checkGroups(file: file, dataSets: Set(owners.keys))
    }

    /// Groups of a network's layers, whose names come from its description.
    private func checkGroups(file: String, dataSets: Set<String>) throws(FormatError) {
        for path in groups.map(\.path) where !path.isEmpty {
            let isTaken = (Self.ancestors(of: path) + [path]).contains { dataSets.contains($0) }
            guard let fault = isTaken ? "a tensor has it" : Self.fault(in: path) else { continue }
            throw FormatError(
                file,
                .unsupported(
                    feature: "a layer's group '\(Self.shortened(path))' in HDF5 (\(fault))",
                    advice: "rename the layer where the model was made, or choose safetensors"))
        }
    }

    private func checkName(_ dataSet: DataSet, file: String) throws(FormatError) {
        guard let fault = Self.fault(in: dataSet.path) else { return }
        throw FormatError(
            file,
            .unsupported(
                feature: "'\(Self.shortened(dataSet.tensor.name))' as a name in HDF5 (\(fault))",
                advice: "rename it with --rename, or choose safetensors"))
    }

    private static func shortened(_ name: String) -> String {
        printable(String(String.UnicodeScalarView(name.unicodeScalars.prefix(100))))
    }

    /// What keeps a path from being one of HDF5's; nil for nothing.
    private static func fault(in path: String) -> String? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        if parts.contains("") { return path.isEmpty ? "an empty name" : "an empty part between slashes" }
        if parts.contains(".") { return "a part '.'" }
        if path.utf8.contains(0) { return "a NUL byte" }
        if parts.contains(where: { $0.utf8.count > longestName }) { return "a part of more than \(longestName) bytes" }
        return parts.count > mostParts ? "more than \(mostParts) parts" : nil
    }

    /// The groups that lead to a path, outermost first.
    static func ancestors(of path: String) -> [String] {
        path.indices.filter { path[$0] == "/" }.map { String(path[..<$0]) }
    }
}
