// What a pickle describes, as data: values, and calls that nobody makes. Values refer to each other by index, since
// a pickle may share them and even tie them into cycles.

/// One value of a pickle; children are indices into ``PickleGraph/nodes``.
enum PickleNode {
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer beyond 64 bits: little-endian two's complement at this place of the stream.
    case longInteger(start: Int, count: Int)
    case float(Double)
    case string(String)
    /// Raw bytes at this place of the stream.
    case bytes(start: Int, count: Int)
    case list([Int])
    case tuple([Int])
    case set([Int])
    case dictionary([PickleEntry])
    /// A name that Python would import: an index into ``PickleGraph/globals``.
    case global(Int)
    /// Something that Python would call: an index into ``PickleGraph/calls``.
    case call(Int)
    /// An object that lies outside the pickle, described by the value at this index.
    case persistent(Int)
    /// A name registered under a number (EXT opcodes), whose meaning is not in the file.
    case extensionCode(Int)
}

/// A key and its value.
struct PickleEntry {
    let key: Int
    let value: Int
}

/// A call that a pickle asks for and that is never made.
struct PickleCall {
    /// How the pickle asks for it.
    enum Kind {
        /// `callee(*arguments)`.
        case function
        /// `callee.__new__(callee, *arguments)`: an object whose state follows.
        case object
    }

    let kind: Kind
    let callee: Int
    let arguments: [Int]
    /// Keys and values that the pickle would set on the result.
    var entries: [PickleEntry] = []
    /// Values that the pickle would append to the result.
    var appended: [Int] = []
}

/// A parsed pickle.
struct PickleGraph {
    /// The stream that byte ranges refer to.
    let data: Bytes
    var nodes: [PickleNode] = []
    /// The distinct names, module and name joined by a dot; Python 2's `__builtin__` counts as `builtins`.
    var globals: [String] = []
    var calls: [PickleCall] = []
    /// What BUILD would hand to an object as its state: object to state, the last one if there are several.
    var states: [Int: Int] = [:]
    /// The index of the value that the pickle stands for.
    var root = 0
    /// Where the stream goes on after the pickle.
    var end = 0
}

extension PickleGraph {
    /// The text of a string.
    func string(_ index: Int) -> String? {
        guard case .string(let text) = nodes[index] else { return nil }
        return text
    }

    /// An integer that fits 64 bits; a bool is not one.
    func integer(_ index: Int) -> Int? {
        guard case .integer(let value) = nodes[index] else { return nil }
        return value
    }

    /// The members of a tuple or list; `torch.Size(...)` counts as its tuple.
    func sequence(_ index: Int) -> [Int]? {
        switch nodes[index] {
        case .tuple(let members), .list(let members): return members
        case .call(let call):
            guard dottedName(calls[call].callee) == "torch.Size", let first = calls[call].arguments.first,
                case .tuple(let members) = nodes[first]
            else { return nil }
            return members
        default: return nil
        }
    }

    /// The members of a sequence as integers.
    func integers(_ index: Int) -> [Int]? {
        guard let members = sequence(index) else { return nil }
        var values: [Int] = []
        values.reserveCapacity(members.count)
        for member in members {
            guard let value = integer(member) else { return nil }
            values.append(value)
        }
        return values
    }

    /// Module and name joined by a dot, for a global.
    func dottedName(_ index: Int) -> String? {
        guard case .global(let number) = nodes[index] else { return nil }
        return globals[number]
    }

    /// The call at a node, if it is one.
    func call(_ index: Int) -> PickleCall? {
        guard case .call(let call) = nodes[index] else { return nil }
        return calls[call]
    }

    /// The keys and values of a dictionary or of an object that behaves as one (`OrderedDict`, `defaultdict`…), in
    /// file order; of a key set twice the first place and the last value, as in Python.
    func entries(_ index: Int) -> [PickleEntry]? {
        switch nodes[index] {
        case .dictionary(let entries): return distinct(entries)
        case .call(let number):
            let call = calls[number]
            guard call.entries.isEmpty else { return distinct(call.entries) }
            guard let name = dottedName(call.callee), Self.dictionaryTypes.contains(name) else { return nil }
            // Python 2 and protocol 0 hand over a list of pairs.
            let pairs = call.arguments.last.flatMap { sequence($0) } ?? []
            return distinct(pairs.compactMap { pair in entry(ofPair: pair) })
        default: return nil
        }
    }

    private func entry(ofPair index: Int) -> PickleEntry? {
        guard let pair = sequence(index), pair.count == 2 else { return nil }
        return PickleEntry(key: pair[0], value: pair[1])
    }

    private static let dictionaryTypes: Set<String> = [
        "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict",
    ]

    private func distinct(_ entries: [PickleEntry]) -> [PickleEntry] {
        var places: [String: Int] = [:]
        var result: [PickleEntry] = []
        result.reserveCapacity(entries.count)
        for entry in entries {
            guard let key = keyText(entry.key) else { continue }
            if let place = places[key] {
                result[place] = PickleEntry(key: result[place].key, value: entry.value)
            } else {
                places[key] = result.count
                result.append(entry)
            }
        }
        return result
    }

    /// A dictionary key as it appears in a path; nil for keys that are neither text nor number.
    func keyText(_ index: Int) -> String? {
        switch nodes[index] {
        case .string(let text): text
        case .integer(let value): String(value)
        case .bool(let value): value ? "True" : "False"
        default: nil
        }
    }

    /// The value under a key.
    func value(_ key: String, in index: Int) -> Int? {
        entries(index)?.last { string($0.key) == key }?.value
    }
}
