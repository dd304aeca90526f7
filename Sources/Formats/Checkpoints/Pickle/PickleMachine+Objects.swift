// Containers and objects of a pickle; no object is ever made.

extension PickleMachine {
    mutating func container(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .emptyTuple: push(.tuple([]))
        case .emptyList: push(.list([]))
        case .emptyDict: push(.dictionary([]))
        case .emptySet: push(.set([]))
        case .tuple: push(.tuple(try popToMark()))
        case .list: push(.list(try popToMark()))
        case .frozenSet: push(.set(try popToMark()))
        case .dict: push(.dictionary(try pairs(popToMark())))
        case .tuple1: push(.tuple([try pop()]))
        case .tuple2: try tuple(of: 2)
        default: try tuple(of: 3)
        }
    }

    mutating func tuple(of count: Int) throws(FormatError) {
        var members: [Int] = []
        for _ in 0..<count { members.insert(try pop(), at: 0) }
        push(.tuple(members))
    }

    func pairs(_ values: [Int]) throws(FormatError) -> [PickleEntry] {
        guard values.count.isMultiple(of: 2) else {
            throw cursor.invalid(expected: "keys and values in pairs", found: "\(values.count) items")
        }
        return stride(from: 0, to: values.count, by: 2).map { PickleEntry(key: values[$0], value: values[$0 + 1]) }
    }

    /// APPEND, SETITEM and their kin: they add to the container below the items.
    mutating func fill(_ opcode: PickleOpcode) throws(FormatError) {
        let items: [Int]
        switch opcode {
        case .append: items = [try pop()]
        case .setItem:
            let value = try pop()
            items = [try pop(), value]
        default: items = try popToMark()
        }
        let target = try top()
        switch opcode {
        case .append, .appends: try append(items, to: target)
        case .addItems: try append(items, to: target)
        default: try set(pairs(items), on: target)
        }
    }

    /// Adds to a list or set in place: the node lets go of its array first, so that no copy is made.
    mutating func append(_ items: [Int], to target: Int) throws(FormatError) {
        switch graph.nodes[target] {
        case .list(var members):
            graph.nodes[target] = .none
            members += items
            graph.nodes[target] = .list(members)
        case .set(var members):
            graph.nodes[target] = .none
            members += items
            graph.nodes[target] = .set(members)
        case .call(let call): graph.calls[call].appended += items
        default: throw cursor.invalid(expected: "a list to append to", found: "another value")
        }
    }

    mutating func set(_ items: [PickleEntry], on target: Int) throws(FormatError) {
        switch graph.nodes[target] {
        case .dictionary(var entries):
            graph.nodes[target] = .none
            entries += items
            graph.nodes[target] = .dictionary(entries)
        case .call(let call): graph.calls[call].entries += items
        default: throw cursor.invalid(expected: "a dictionary to fill", found: "another value")
        }
    }

    mutating func object(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .global:
            let module = try cursor.readTextLine()
            pushGlobal(module: module, name: try cursor.readTextLine())
        case .stackGlobal:
            let name = try pop()
            let module = try pop()
            guard let module = graph.string(module), let name = graph.string(name) else {
                throw cursor.invalid(expected: "a module and a name", found: "other values")
            }
            pushGlobal(module: module, name: name)
        case .build:
            let state = try pop()
            graph.states[try top()] = state
        case .persistentID:
            let identifier = try cursor.readTextLine()
            push(.string(identifier))
            push(.persistent(try pop()))
        case .binPersistentID: push(.persistent(try pop()))
        case .ext1: push(.extensionCode(Int(try cursor.read(UInt8.self))))
        case .ext2: push(.extensionCode(Int(try cursor.read(UInt16.self))))
        case .ext4: push(.extensionCode(Int(try cursor.read(UInt32.self))))
        default: try call(opcode)
        }
    }

    mutating func call(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .reduce:
            let arguments = try argumentList(pop())
            pushCall(.function, callee: try pop(), arguments: arguments)
        case .newObj:
            let arguments = try argumentList(pop())
            pushCall(.object, callee: try pop(), arguments: arguments)
        case .newObjEx:
            let keywords = try pop()
            let arguments = try argumentList(pop())
            let isPlain = if case .dictionary(let entries) = graph.nodes[keywords] { entries.isEmpty } else { false }
            pushCall(.object, callee: try pop(), arguments: isPlain ? arguments : arguments + [keywords])
        case .inst:
            let module = try cursor.readTextLine()
            let name = try cursor.readTextLine()
            let arguments = try popToMark()
            pushGlobal(module: module, name: name)
            pushCall(.function, callee: try pop(), arguments: arguments)
        default:
            let items = try popToMark()
            guard let callee = items.first else { throw cursor.invalid(expected: "a class", found: "nothing") }
            pushCall(.function, callee: callee, arguments: Array(items.dropFirst()))
        }
    }

    mutating func pushGlobal(module: String, name: String) {
        let dotted = "\(module == "__builtin__" ? "builtins" : module).\(name)"
        let number = globalNumbers[dotted] ?? graph.globals.count
        if number == graph.globals.count {
            globalNumbers[dotted] = number
            graph.globals.append(dotted)
        }
        push(.global(number))
    }

    func argumentList(_ index: Int) throws(FormatError) -> [Int] {
        guard case .tuple(let members) = graph.nodes[index] else {
            throw cursor.invalid(expected: "a tuple of arguments", found: "another value")
        }
        return members
    }

    mutating func pushCall(_ kind: PickleCall.Kind, callee: Int, arguments: [Int]) {
        push(.call(graph.calls.count))
        graph.calls.append(PickleCall(kind: kind, callee: callee, arguments: arguments))
    }
}
