// An inert pickle machine: it builds a description of what the pickle would build and runs nothing. GLOBAL imports
// nothing, REDUCE calls nothing; both become nodes. Time and memory are bounded by the stream's length and by the
// limits below.

/// Parses one pickle.
struct PickleMachine {
    /// The most values a pickle may describe. A Lightning checkpoint of a large model has about 100 000.
    static let greatestNodeCount = 10_000_000

    var cursor: PickleCursor
    private let limit: Int
    var graph: PickleGraph
    var stack: [Int] = []
    /// Stack heights at the open MARKs.
    var marks: [Int] = []
    /// Memo slots 0, 1, 2… as they come; far-off slots go to `sparseMemo`.
    var memo: [Int] = []
    var sparseMemo: [Int: Int] = [:]
    /// Numbers of the names met so far.
    var globalNumbers: [String: Int] = [:]

    /// Parses the pickle at `position` of `data`.
    ///
    /// - Throws: ``FormatError`` with `.invalid` or `.truncated` at the place of the trouble, `.limitExceeded` for a
    ///   pickle of more than `limit` values, `.unsupported` for out-of-band buffers.
    static func parse(
        _ data: Bytes, at position: Int = 0, path: String, section: String, limit: Int = greatestNodeCount
    ) throws(FormatError) -> PickleGraph {
        var machine = PickleMachine(
            cursor: PickleCursor(path: path, section: section, data: data, position: position), limit: limit)
        return try machine.run()
    }

    private init(cursor: PickleCursor, limit: Int) {
        self.cursor = cursor
        self.limit = limit
        graph = PickleGraph(data: cursor.data)
    }

    private mutating func run() throws(FormatError) -> PickleGraph {
        while true {
            let byte = try cursor.read(UInt8.self)
            guard let opcode = PickleOpcode(rawValue: byte) else {
                throw cursor.invalid(expected: "a pickle instruction", found: "byte 0x" + String(byte, radix: 16))
            }
            if opcode == .stop { break }
            try step(opcode)
            guard max(graph.nodes.count, stack.count, marks.count) <= limit else {
                throw FormatError(
                    cursor.path,
                    .limitExceeded(
                        what: "\(cursor.section): its number of values",
                        claimed: "\(limit + 1) or more",
                        limit: "\(limit)"))
            }
        }
        graph.root = try pop()
        graph.end = cursor.position
        return graph
    }

    /// Dispatches one instruction by what it does.
    private mutating func step(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .proto, .frame, .mark, .pop, .popMark, .dup, .put, .binPut, .longBinPut, .memoize, .get, .binGet,
            .longBinGet, .stop:
            try control(opcode)
        case .none: push(.none)
        case .newTrue: push(.bool(true))
        case .newFalse: push(.bool(false))
        case .int, .binInt, .binInt1, .binInt2, .long, .long1, .long4, .float, .binFloat: try number(opcode)
        case .string, .binString, .shortBinString, .unicode, .binUnicode, .shortBinUnicode, .binUnicode8, .binBytes,
            .shortBinBytes, .binBytes8, .byteArray8:
            try text(opcode)
        case .emptyTuple, .tuple, .tuple1, .tuple2, .tuple3, .emptyList, .list, .emptyDict, .dict, .emptySet,
            .frozenSet:
            try container(opcode)
        case .append, .appends, .setItem, .setItems, .addItems: try fill(opcode)
        case .global, .stackGlobal, .reduce, .newObj, .newObjEx, .inst, .obj, .build, .persistentID,
            .binPersistentID, .ext1, .ext2, .ext4:
            try object(opcode)
        case .nextBuffer, .readOnlyBuffer:
            throw FormatError(
                cursor.path,
                .unsupported(
                    feature: "\(cursor.section): a pickle whose buffers lie elsewhere (protocol 5, out of band)",
                    advice: "save it with torch.save"))
        }
    }
}

extension PickleMachine {
    mutating func push(_ node: PickleNode) {
        stack.append(graph.nodes.count)
        graph.nodes.append(node)
    }

    mutating func pop() throws(FormatError) -> Int {
        // Nothing below an open MARK may be taken.
        guard let top = stack.last, stack.count > marks.last ?? 0 else {
            throw cursor.invalid(expected: "a value on the stack", found: "none")
        }
        stack.removeLast()
        return top
    }

    func top() throws(FormatError) -> Int {
        guard let top = stack.last, stack.count > marks.last ?? 0 else {
            throw cursor.invalid(expected: "a value on the stack", found: "none")
        }
        return top
    }

    mutating func popToMark() throws(FormatError) -> [Int] {
        guard let mark = marks.popLast() else { throw cursor.invalid(expected: "an open MARK", found: "none") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    mutating func remember(_ slot: Int) throws(FormatError) {
        let value = try top()
        switch slot {
        case memo.count: memo.append(value)
        case 0..<memo.count: memo[slot] = value
        default: sparseMemo[slot] = value
        }
    }

    mutating func recall(_ slot: Int) throws(FormatError) {
        guard let value = memo.indices.contains(slot) ? memo[slot] : sparseMemo[slot] else {
            throw cursor.invalid(expected: "memo entry \(slot)", found: "none of that number")
        }
        stack.append(value)
    }

    mutating func control(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .proto:
            let version = try cursor.read(UInt8.self)
            guard version <= 5 else {
                throw cursor.invalid(expected: "pickle protocol 0 to 5", found: "protocol \(version)")
            }
        case .frame: _ = try cursor.read(UInt64.self)  // a hint for reading ahead
        case .mark: marks.append(stack.count)
        case .pop:
            // POP right above a MARK removes the MARK.
            if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
        case .popMark: _ = try popToMark()
        case .dup:
            let value = try top()
            stack.append(value)
        case .put: try remember(decimalLine())
        case .binPut: try remember(Int(cursor.read(UInt8.self)))
        case .longBinPut: try remember(Int(cursor.read(UInt32.self)))
        case .memoize: try remember(memo.count + sparseMemo.count)
        case .get: try recall(decimalLine())
        case .binGet: try recall(Int(cursor.read(UInt8.self)))
        case .longBinGet: try recall(Int(cursor.read(UInt32.self)))
        default: break
        }
    }

    mutating func decimalLine() throws(FormatError) -> Int {
        let line = try cursor.readTextLine()
        guard let value = Int(line), value >= 0 else {
            throw cursor.invalid(expected: "a memo number", found: "'\(line.prefix(20))'")
        }
        return value
    }
}
