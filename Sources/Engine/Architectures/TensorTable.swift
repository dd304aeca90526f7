// The tensors of a checkpoint under one prefix, by the names a family's code gives them.

import Formats

/// A file's tensors below a prefix, found by the rest of their names.
struct TensorTable {
    /// What stands before each name in the file.
    let prefix: String
    /// The tensors by name without the prefix; each value still has the file's own name.
    private let tensors: [String: TensorInfo]

    /// Looks at the tensors below `prefix`.
    ///
    /// - Parameters:
    ///   - dropsModel: whether `model` inside a name is skipped, as in `layers.0.model.stem.0.weight`.
    ///   - canonicalName: the name to know a tensor by, from its name below the prefix.
    init(
        _ all: [TensorInfo], prefix: String, dropsModel: Bool = false, canonicalName: (String) -> String = { $0 }
    ) {
        self.prefix = prefix
        var found: [String: TensorInfo] = [:]
        for tensor in all {
            let name = dropsModel ? withoutModel(tensor.name) : tensor.name
            if name.hasPrefix(prefix), tensor.hasPlausibleShape {
                found[canonicalName(String(name.dropFirst(prefix.count)))] = tensor
            }
        }
        tensors = found
    }

    /// The tensor of a name below the prefix.
    subscript(name: String) -> TensorInfo? { tensors[name] }

    /// The shape of a tensor, or nil when there is none of that name.
    func shape(_ name: String) -> Shape? { tensors[name]?.shape }

    /// The size of one axis of a tensor, or nil when there is no such tensor or axis.
    func size(_ name: String, _ axis: Int) -> Int? {
        guard let shape = tensors[name]?.shape, shape.axes.indices.contains(axis) else { return nil }
        return shape[axis]
    }

    /// Whether there is a tensor of that name.
    func contains(_ name: String) -> Bool { tensors[name] != nil }

    /// How many of `name(0)`, `name(1)`, … there are without a gap.
    func count(_ name: (Int) -> String) -> Int {
        var count = 0
        while contains(name(count)) { count += 1 }
        return count
    }

    /// The names below the prefix.
    var names: Dictionary<String, TensorInfo>.Keys { tensors.keys }

    /// Every place in the file's names where `anchor` stands at the end, after nothing, a dot or a slash.
    static func prefixes(of anchor: String, in all: [TensorInfo], dropsModel: Bool) -> [String] {
        var seen = Set<String>()
        return all.compactMap { tensor in
            let name = dropsModel ? withoutModel(tensor.name) : tensor.name
            guard name.hasSuffix(anchor) else { return nil }
            let prefix = String(name.dropLast(anchor.count))
            return (prefix.isEmpty || prefix.hasSuffix(".") || prefix.hasSuffix("/")) && seen.insert(prefix).inserted
                ? prefix : nil
        }
    }
}

extension TensorInfo {
    /// Whether the shape can be a parameter's: no empty axis, nothing whose products overflow later.
    fileprivate var hasPlausibleShape: Bool {
        shape.axes.allSatisfy { $0 > 0 && $0 < 1 << 28 } && (shape.checkedElementCount ?? .max) < 1 << 36
    }
}

/// A name without the component `model`, which the seed's wrapper class adds in memory and some files keep.
func withoutModel(_ name: String) -> String {
    guard name.contains("model") else { return name }
    return name.split(separator: ".", omittingEmptySubsequences: false).filter { $0 != "model" }.joined(separator: ".")
}
