// Numbers and text of a pickle.

extension PickleMachine {
    mutating func number(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .binInt: push(.integer(Int(try cursor.read(Int32.self))))
        case .binInt1: push(.integer(Int(try cursor.read(UInt8.self))))
        case .binInt2: push(.integer(Int(try cursor.read(UInt16.self))))
        case .long1: try longInteger(cursor.readLength(UInt8.self))
        case .long4: try longInteger(cursor.readLength(Int32.self))
        case .binFloat: push(.float(Double(bitPattern: UInt64(bigEndian: try cursor.read(UInt64.self)))))
        case .float:
            let line = try cursor.readTextLine()
            guard let value = Double(line) else {
                throw cursor.invalid(expected: "a number", found: "'\(line.prefix(20))'")
            }
            push(.float(value))
        default: try decimalInteger()
        }
    }

    /// INT and LONG: decimal text, where `00` and `01` are the bools of protocol 0.
    mutating func decimalInteger() throws(FormatError) {
        let start = cursor.position
        let line = try cursor.readTextLine()
        if line == "00" || line == "01" { return push(.bool(line == "01")) }
        let digits = line.hasSuffix("L") ? line.dropLast() : line[...]
        if let value = Int(digits) { return push(.integer(value)) }
        guard !digits.isEmpty, digits.drop(while: { $0 == "-" }).allSatisfy(\.isNumber) else {
            throw cursor.invalid(expected: "an integer", found: "'\(line.prefix(20))'")
        }
        push(.longInteger(start: start, count: line.utf8.count))
    }

    mutating func longInteger(_ count: Int) throws(FormatError) {
        let start = try cursor.take(count)
        guard count <= 8 else { return push(.longInteger(start: start, count: count)) }
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(cursor.data[start + index]) << (8 * index) }
        let isNegative = count > 0 && cursor.data[start + count - 1] & 0x80 != 0
        if isNegative, count < 8 { value |= UInt64.max << (8 * count) }
        push(.integer(Int(Int64(bitPattern: value))))
    }

    mutating func text(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .binUnicode: push(.string(try cursor.readText(cursor.readLength(UInt32.self))))
        case .shortBinUnicode: push(.string(try cursor.readText(cursor.readLength(UInt8.self))))
        case .binUnicode8: push(.string(try cursor.readText(cursor.readLength(UInt64.self))))
        case .binString: push(.string(try cursor.readLatin1(cursor.readLength(Int32.self))))
        case .shortBinString: push(.string(try cursor.readLatin1(cursor.readLength(UInt8.self))))
        case .binBytes: try rawBytes(cursor.readLength(UInt32.self))
        case .shortBinBytes: try rawBytes(cursor.readLength(UInt8.self))
        case .binBytes8, .byteArray8: try rawBytes(cursor.readLength(UInt64.self))
        case .unicode: push(.string(unescaped(try cursor.readLine(), isUnicode: true)))
        default:
            let line = try cursor.readLine()
            guard line.count >= 2, let quote = line.first, quote == 0x22 || quote == 0x27, line.last == quote else {
                throw cursor.invalid(expected: "a quoted string", found: "no quotes")
            }
            push(.string(unescaped(Array(line.dropFirst().dropLast()), isUnicode: false)))
        }
    }

    mutating func rawBytes(_ count: Int) throws(FormatError) {
        push(.bytes(start: try cursor.take(count), count: count))
    }
}

/// The text of a STRING (Python's escapes, one character a byte) or UNICODE line (only `\u` and `\U`).
private func unescaped(_ line: [UInt8], isUnicode: Bool) -> String {
    var scalars = String.UnicodeScalarView()
    var rest = line[...]
    while let byte = rest.popFirst() {
        guard byte == 0x5C, let (scalar, length) = escape(rest, isUnicode: isUnicode) else {
            scalars.append(Unicode.Scalar(byte))
            continue
        }
        rest = rest.dropFirst(length)
        if let scalar { scalars.append(scalar) }
    }
    return String(scalars)
}

/// What an escape stands for (nil: nothing) and how many bytes follow its backslash; nil when it is none.
private func escape(_ rest: ArraySlice<UInt8>, isUnicode: Bool) -> (Unicode.Scalar?, Int)? {
    guard let kind = rest.first else { return nil }
    func number(_ digits: ArraySlice<UInt8>, radix: UInt32) -> Unicode.Scalar? {
        UInt32(String(decoding: digits, as: UTF8.self), radix: Int(radix)).flatMap { Unicode.Scalar($0) }
    }
    let character = Character(Unicode.Scalar(kind))
    if isUnicode {
        guard let width = ["u": 4, "U": 8][character] else { return nil }
        return number(rest.dropFirst().prefix(width), radix: 16).map { ($0, width + 1) }
    }
    let simple: [Character: Unicode.Scalar?] = [
        "\\": "\\", "'": "'", "\"": "\"", "n": "\n", "t": "\t", "r": "\r", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}",
        "v": "\u{B}", "\n": nil,
    ]
    if let scalar = simple[character] { return (scalar, 1) }
    if character == "x" { return number(rest.dropFirst().prefix(2), radix: 16).map { ($0, 3) } }
    let octal = rest.prefix(3).prefix { (0x30...0x37).contains($0) }
    return octal.isEmpty ? nil : number(octal, radix: 8).map { ($0, octal.count) }
}
