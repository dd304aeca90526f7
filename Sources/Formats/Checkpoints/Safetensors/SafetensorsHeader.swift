// The header of a safetensors file: u64 size N, N bytes of JSON, then the tensors' bytes without gaps. The rules and
// their order are those of the reference reader (safetensors/src/tensor.rs).

/// A checked header.
struct SafetensorsHeader {
    /// One tensor: its place in the data buffer.
    struct Entry {
        let name: String
        let dtype: DType
        let shape: Shape
        let range: Range<Int>
    }

    /// The largest header that is read.
    static let greatestSize = 100_000_000

    /// The tensors in the order of the header.
    let entries: [Entry]
    /// The strings under `__metadata__`, in order.
    let metadata: [(key: String, value: String)]
    /// Where the data buffer begins in the file.
    let dataOffset: Int

    /// Reads and checks a file's header; the data buffer must be covered exactly.
    init(_ bytes: Bytes, path: String) throws(FormatError) {
        guard let size = bytes.littleEndian(at: 0, as: UInt64.self) else {
            throw FormatError(path, .truncated(section: "header size", offset: 0, expected: 8, found: bytes.count))
        }
        guard size <= UInt64(Self.greatestSize) else {
            throw FormatError(
                path, .limitExceeded(what: "the header size", claimed: "\(size)", limit: "\(Self.greatestSize) bytes"))
        }
        guard let text = bytes.slice(8, Int(size)) else {
            throw FormatError(
                path, .truncated(section: "header", offset: 8, expected: Int(size), found: bytes.count - 8))
        }
        let parser = SafetensorsParser(path: path)
        (entries, metadata) = try parser.parse(JSON(text, path: path, section: "header"))
        dataOffset = 8 + Int(size)
        try Self.checkCoverage(entries, of: bytes.count - dataOffset, at: dataOffset, path: path)
    }

    /// Checks, in the order of the offsets, that each tensor begins where the one before ends, that its bytes are
    /// those of its shape, and that the last one ends with the file.
    private static func checkCoverage(
        _ entries: [Entry], of dataCount: Int, at dataOffset: Int, path: String
    ) throws(FormatError) {
        var end = 0
        let sorted = entries.sorted {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        for entry in sorted {
            let section = "tensor '\(printable(entry.name))'"
            guard entry.range.lowerBound == end else {
                let fault = entry.range.lowerBound < end ? "an overlap" : "a gap"
                throw FormatError(
                    path,
                    .invalid(
                        section: section, expected: "data from \(end) on, where the one before ends",
                        found: "data from \(entry.range.lowerBound) on: \(fault)"))
            }
            end = entry.range.upperBound
            guard let bits = bitCount(of: entry), bits % 8 == 0, bits / 8 == entry.range.count else {
                let needed =
                    bitCount(of: entry).map { $0 % 8 == 0 ? "\($0 / 8) bytes" : "\($0) bits" }
                    ?? "more than 64 bits can count"
                throw FormatError(
                    path,
                    .invalid(
                        section: section, expected: "\(needed) for \(entry.dtype) \(entry.shape)",
                        found: "\(entry.range.count) bytes"))
            }
        }
        guard end <= dataCount else {
            throw FormatError(
                path, .truncated(section: "tensor data", offset: dataOffset, expected: end, found: dataCount))
        }
        guard end == dataCount else {
            throw FormatError(
                path,
                .invalid(
                    section: "tensor data", offset: dataOffset + end, expected: "the end of the file",
                    found: "\(dataCount - end) more bytes"))
        }
    }

    private static func bitCount(of entry: Entry) -> Int? {
        guard let count = entry.shape.checkedElementCount else { return nil }
        let (bits, overflow) = count.multipliedReportingOverflow(by: entry.dtype.bitWidth)
        return overflow ? nil : bits
    }
}

/// Turns the JSON into entries.
private struct SafetensorsParser {
    let path: String

    func parse(
        _ json: JSON
    ) throws(FormatError) -> (entries: [SafetensorsHeader.Entry], metadata: [(key: String, value: String)]) {
        guard let members = json.members else { throw invalid("header", "a JSON object", "another value") }
        var entries: [SafetensorsHeader.Entry] = []
        var places: [String: Int] = [:]
        var metadata: [(key: String, value: String)]?
        for member in members {
            if member.key == "__metadata__" {
                guard metadata == nil else { throw invalid("__metadata__", "one", "two") }
                metadata = try self.metadata(member.value)
                continue
            }
            let entry = try entry(member.key, member.value)
            // Of a name given twice the last one counts; if their ranges differ, the coverage shows a gap.
            if let place = places[member.key] {
                entries[place] = entry
            } else {
                places[member.key] = entries.count
                entries.append(entry)
            }
        }
        return (entries, metadata ?? [])
    }

    private func metadata(_ json: JSON) throws(FormatError) -> [(key: String, value: String)] {
        if case .null = json { return [] }
        guard let members = json.members else { throw invalid("__metadata__", "an object", "another value") }
        var pairs: [(key: String, value: String)] = []
        for member in members {
            guard let text = member.value.string else {
                throw invalid("__metadata__ '\(printable(member.key))'", "a string", "another value")
            }
            pairs.append((member.key, text))
        }
        return pairs
    }

    private func entry(_ name: String, _ json: JSON) throws(FormatError) -> SafetensorsHeader.Entry {
        let section = "tensor '\(printable(name))'"
        guard let members = json.members else { throw invalid(section, "an object", "another value") }
        func field(_ key: String) throws(FormatError) -> JSON {
            let found = members.filter { $0.key == key }
            guard let value = found.first?.value, found.count == 1 else {
                throw invalid(section, "one field '\(key)'", "\(found.count)")
            }
            return value
        }
        let typeName = try field("dtype")
        guard let dtype = typeName.string.flatMap({ DType(safetensorsName: $0) }) else {
            throw invalid(
                section, "a dtype such as F32", typeName.string.map { "'\(printable($0))'" } ?? "another value")
        }
        guard let sizes = naturals(try field("shape")) else {
            throw invalid(section, "a shape of whole numbers", "something else")
        }
        guard let offsets = naturals(try field("data_offsets")), offsets.count == 2, offsets[0] <= offsets[1] else {
            throw invalid(section, "data_offsets [begin, end]", "something else")
        }
        return SafetensorsHeader.Entry(
            name: name, dtype: dtype, shape: Shape(sizes), range: offsets[0]..<offsets[1])
    }

    /// A list of numbers written as plain digits.
    private func naturals(_ json: JSON) -> [Int]? {
        guard let elements = json.array else { return nil }
        var values: [Int] = []
        for element in elements {
            guard let value = element.int, value >= 0, case .number(let text) = element, text != "-0" else {
                return nil
            }
            values.append(value)
        }
        return values
    }

    private func invalid(_ section: String, _ expected: String, _ found: String) -> FormatError {
        FormatError(path, .invalid(section: section, expected: expected, found: found))
    }
}

extension DType {
    private static let safetensorsNames: [(name: String, dtype: DType)] = [
        ("BOOL", .bool), ("F4", .float4), ("F6_E2M3", .float6E2M3), ("F6_E3M2", .float6E3M2), ("U8", .uint8),
        ("I8", .int8), ("F8_E5M2", .float8E5M2), ("F8_E4M3", .float8E4M3FN), ("F8_E8M0", .float8E8M0),
        ("F8_E4M3FNUZ", .float8E4M3FNUZ), ("F8_E5M2FNUZ", .float8E5M2FNUZ), ("I16", .int16), ("U16", .uint16),
        ("F16", .float16), ("BF16", .bfloat16), ("I32", .int32), ("U32", .uint32), ("F32", .float32),
        ("C64", .complex64), ("F64", .float64), ("I64", .int64), ("U64", .uint64),
    ]

    /// The type of a safetensors name, which is case-sensitive.
    init?(safetensorsName name: String) {
        guard let found = Self.safetensorsNames.first(where: { $0.name == name }) else { return nil }
        self = found.dtype
    }

    /// The name safetensors gives the type and its rank among them: the reference writer puts higher ranks first. Nil
    /// for types that the format does not have.
    var safetensorsName: (name: String, rank: Int)? {
        Self.safetensorsNames.firstIndex { $0.dtype == self }.map { (Self.safetensorsNames[$0].name, $0) }
    }
}
