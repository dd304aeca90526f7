// What a family looks at to see whether a file is its own, and to read the sizes from the shapes.

/// The names and shapes of a checkpoint below a prefix.
struct DialectSource: Sendable {
    /// What stands before each name; empty, or it ends with `.` or `/`.
    let prefix: String
    private let shapes: [String: Shape]

    init(_ tensors: [DraftTensor], prefix: String) {
        self.prefix = prefix
        var found: [String: Shape] = [:]
        for tensor in tensors where tensor.name.hasPrefix(prefix) {
            found[String(tensor.name.dropFirst(prefix.count))] = tensor.shape
        }
        shapes = found
    }

    /// Whether there is a tensor of that name.
    func contains(_ name: String) -> Bool { shapes[name] != nil }

    /// The size of one axis of a tensor; 0 when there is no such tensor or axis.
    func size(_ name: String, _ axis: Int) -> Int {
        guard let shape = shapes[name], axis < shape.rank else { return 0 }
        return shape[axis]
    }

    /// The number of axes of a tensor; 0 when there is none.
    func rank(_ name: String) -> Int { shapes[name]?.rank ?? 0 }

    /// How many of `name(0)`, `name(1)`, … there are without a gap.
    func count(_ name: (Int) -> String) -> Int {
        var count = 0
        while contains(name(count)) { count += 1 }
        return count
    }

    /// The names below the prefix.
    var names: Dictionary<String, Shape>.Keys { shapes.keys }

    /// Every place where `anchor` ends a name: what stands before it up to the last dot (slash in Keras).
    static func prefixes(of anchor: String, in tensors: [DraftTensor], dialect: Dialect) -> [String] {
        tensors.compactMap { tensor in
            guard tensor.name.hasSuffix(anchor) else { return nil }
            let before = tensor.name.dropLast(anchor.count)
            if dialect == .keras { return before.lastIndex(of: "/").map { String(before[...$0]) } ?? "" }
            return before.isEmpty || before.hasSuffix(".") ? String(before) : nil
        }
    }
}

/// A family of networks that several code bases have.
protocol DialectFamily {
    /// The family's title, for messages.
    static var title: String { get }
    /// For each way in which files name the network: tensors that show it, without prefix.
    static var anchors: [(dialect: Dialect, names: [String])] { get }

    /// The variables of the network that a file holds, or nil when the sizes make no sense.
    static func table(_ source: DialectSource, dialect: Dialect) -> DialectTable?
}
