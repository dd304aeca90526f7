// Keras 3's weight files (`.weights.h5`, `model.weights.h5` in a `.keras` archive, shards): the path of a variable is
// the path of attributes that leads to it, `layers/conv2d_1/vars/0`, where layers of a model go by class and number and
// only an attribute `name` (Keras 3.6 and later) tells what the user called them.

/// The tree of a Keras 3 weight file.
struct KerasStore: Sendable {
    /// A path of groups to an object with variables, without its `vars`: `["layers", "conv2d_1"]`.
    typealias Owner = [String]

    /// Variables by owner, in numeric order.
    private(set) var variables: [Owner: [Variable]] = [:]
    /// The names of groups inside each group, in byte order.
    private var children: [Owner: [String]] = [:]
    /// What the user called an object.
    private var names: [Owner: String] = [:]
    /// Owners in the order of their paths.
    private(set) var owners: [Owner] = []

    /// One variable.
    struct Variable: Sendable {
        /// Its number among its owner's; stored names that are no numbers come last.
        let index: Int?
        let dataSet: HDF5DataSet
        /// Its file's place in the list of sources.
        let source: Int
    }

    /// What layers of a model lie under: TensorFlow 2.13 wrote the second.
    static let containers: Set<String> = ["layers", "_layer_checkpoint_dependencies"]

    /// Adds a file's groups and data sets.
    mutating func add(_ contents: HDF5Contents, source: Int) {
        for (path, attributes) in contents.groups where !path.isEmpty {
            var owner = path.split(separator: "/").map(String.init)
            let last = owner.removeLast()
            if last == "vars" {
                names[owner] = attributes["name"]?.strings.first ?? names[owner]
            } else if children[owner]?.contains(last) != true {
                children[owner, default: []].append(last)
            }
        }
        for dataSet in contents.dataSets {
            guard let (owner, index) = Self.place(of: dataSet.name) else { continue }
            if variables[owner] == nil { owners.append(owner) }
            variables[owner, default: []].append(Variable(index: index, dataSet: dataSet, source: source))
        }
    }

    /// Orders what ``add(_:source:)`` gathered.
    mutating func sort() {
        for owner in children.keys { children[owner]?.sort { kerasNumberedOrder($0, $1) } }
        for owner in variables.keys {
            variables[owner]?.sort { ($0.index ?? .max, $0.dataSet.name) < ($1.index ?? .max, $1.dataSet.name) }
        }
        owners.sort { $0.lexicographicallyPrecedes($1, by: kerasNumberedOrder) }
    }

    /// The owner and number of a data set `…/vars/N`; nil for any other path.
    static func place(of name: String) -> (owner: Owner, index: Int?)? {
        var parts = name.split(separator: "/").map(String.init)
        guard parts.count >= 2, let last = parts.popLast(), parts.popLast() == "vars" else { return nil }
        return (parts, Int(last))
    }

    /// The groups inside a group.
    func groups(in owner: Owner) -> [String] { children[owner] ?? [] }

    /// What the user called an object.
    func name(of owner: Owner) -> String? { names[owner] }

    /// The layer names that lead to an owner: `layers/X` pairs are one layer, by its given name if the file has it;
    /// other parts are attributes of a layer and stay as they are.
    func layerPath(of owner: Owner) -> [String] {
        var path: [String] = []
        var index = 0
        while index < owner.count {
            if Self.containers.contains(owner[index]), index + 1 < owner.count {
                path.append(names[Array(owner[...(index + 1)])] ?? owner[index + 1])
                index += 2
            } else {
                path.append(owner[index])
                index += 1
            }
        }
        return path
    }

    /// The names of an owner's variables, from the class in its path; `vars/N` where that does not tell.
    func roles(of owner: Owner) -> [String] {
        let variables = self.variables[owner] ?? []
        let known = owner.last.flatMap { last in
            kerasRoleNames(storeName: kerasNumberedStem(last).stem, count: variables.count)
        }
        return variables.indices.map { index in
            let stored = variables[index].dataSet.name.split(separator: "/").last.map(String.init) ?? ""
            guard let known, variables[index].index == index else { return "vars/\(stored)" }
            return known[index]
        }
    }
}

/// A name and its trailing number: `conv2d_12` is (`conv2d`, 12), `conv2d` is (`conv2d`, 0).
func kerasNumberedStem(_ name: String) -> (stem: String, number: Int) {
    guard let underscore = name.lastIndex(of: "_"), let number = Int(name[name.index(after: underscore)...]),
        number > 0
    else { return (name, 0) }
    return (String(name[..<underscore]), number)
}

/// `conv2d_2` before `conv2d_10`; otherwise by bytes.
func kerasNumberedOrder(_ left: String, _ right: String) -> Bool {
    let (a, b) = (kerasNumberedStem(left), kerasNumberedStem(right))
    return a.stem == b.stem ? a.number < b.number : a.stem < b.stem
}
