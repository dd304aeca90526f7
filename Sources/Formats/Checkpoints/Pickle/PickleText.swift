// Pickle values as one line of Python-like text, for people to read: bounded in length and depth, free of control
// characters.

extension PickleGraph {
    /// A value as text of at most about `limit` characters; `…` stands for what was left out.
    func text(_ index: Int, limit: Int = 120) -> String {
        var writer = PickleTextWriter(graph: self, remaining: limit)
        writer.write(index, depth: 0)
        return writer.text
    }

    /// A call's arguments as text, without the parentheses.
    func argumentText(_ call: PickleCall, limit: Int = 120) -> String {
        var writer = PickleTextWriter(graph: self, remaining: limit)
        writer.writeList(call.arguments, depth: 0)
        return writer.text
    }
}

private struct PickleTextWriter {
    let graph: PickleGraph
    /// Characters left; the depth limit alone would let shared values double at each level.
    var remaining: Int
    var text = ""

    mutating func put(_ piece: String) {
        guard remaining > 0 else { return }
        let scalars = piece.unicodeScalars
        guard scalars.count <= remaining else {
            text.unicodeScalars += scalars.prefix(remaining)
            text += "…"
            remaining = 0
            return
        }
        text += piece
        remaining -= scalars.count
    }

    mutating func writeList(_ members: [Int], depth: Int) {
        for (place, member) in members.enumerated() {
            guard remaining > 0 else { return }
            if place > 0 { put(", ") }
            write(member, depth: depth)
        }
    }

    mutating func write(_ index: Int, depth: Int) {
        guard remaining > 0 else { return }
        guard depth < 8 else { return put("…") }
        switch graph.nodes[index] {
        case .none: put("None")
        case .bool(let value): put(value ? "True" : "False")
        case .integer(let value): put(String(value))
        case .longInteger(_, let count): put("<integer of \(count) bytes>")
        case .float(let value): put("\(value)")
        case .string(let value): put(quoted(value, limit: remaining))
        case .bytes(_, let count): put("<\(count) bytes>")
        case .list(let members): bracket("[", members, "]", depth)
        case .tuple(let members): bracket("(", members, ")", depth)
        case .set(let members): bracket("{", members, "}", depth)
        case .dictionary(let entries): writeEntries(entries, depth: depth)
        case .global: put(printable(graph.dottedName(index) ?? ""))
        case .call(let number):
            write(graph.calls[number].callee, depth: depth + 1)
            bracket("(", graph.calls[number].arguments, ")", depth)
        case .persistent: put("<storage>")
        case .extensionCode(let code): put("<extension \(code)>")
        }
    }

    private mutating func bracket(_ open: String, _ members: [Int], _ close: String, _ depth: Int) {
        put(open)
        writeList(members, depth: depth + 1)
        put(close)
    }

    private mutating func writeEntries(_ entries: [PickleEntry], depth: Int) {
        put("{")
        for (place, entry) in entries.enumerated() {
            guard remaining > 0 else { return }
            if place > 0 { put(", ") }
            write(entry.key, depth: depth + 1)
            put(": ")
            write(entry.value, depth: depth + 1)
        }
        put("}")
    }
}

/// Text in double quotes with control characters escaped; only about `limit` characters are looked at.
private func quoted(_ text: String, limit: Int) -> String {
    "\"" + printable(String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit + 1)))) + "\""
}
