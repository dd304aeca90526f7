// Arrays that Python computed: .npz files of float32 arrays in C order, which is all the generators write.

import Engine
import Formats
import Testing

/// The arrays of an .npz file by name.
struct GoldenArchive {
    private let zip: ZipArchive

    init(_ path: String) throws { zip = try ZipArchive(path) }

    /// The names of the arrays, in file order.
    var names: [String] { zip.members.map { String($0.name.dropLast(".npy".count)) } }

    /// An array, or nil when there is none of that name.
    func tensor(_ name: String) throws -> TensorView? {
        guard let bytes = try zip.contents(named: name + ".npy") else { return nil }
        let length = Int(try #require(bytes.littleEndian(at: 8, as: UInt16.self)))
        let header = try #require(bytes.slice(10, length)?.utf8)
        try #require(header.contains("'<f4'") && header.contains("'fortran_order': False"))
        let open = try #require(header.firstIndex(of: "(")), close = try #require(header.firstIndex(of: ")"))
        let shape = Shape(
            header[header.index(after: open)..<close].split(separator: ",").compactMap { Int($0.filter(\.isNumber)) })
        return TensorView(
            dtype: .float32, shape: shape, bytes: try #require(bytes.slice(10 + length, 4 * shape.elementCount)))
    }

    /// An array of rank 4 as a map.
    func map(_ name: String) throws -> ReferenceMap? {
        guard let tensor = try tensor(name) else { return nil }
        try #require(tensor.shape.rank == 4)
        return ReferenceMap(shape: tensor.shape, values: try #require(tensor.floats()))
    }
}

/// The largest difference of two lists of values, in units of the second's root mean square.
func relativeDifference(_ found: [Float], _ expected: [Float]) -> Double {
    guard found.count == expected.count, !found.isEmpty else { return .infinity }
    var squares = 0.0
    var largest = 0.0
    for (a, b) in zip(found, expected) {
        squares += Double(b) * Double(b)
        largest = max(largest, abs(Double(a) - Double(b)))
        if a.isNaN { return .infinity }
    }
    return largest / max((squares / Double(found.count)).squareRoot(), 1e-12)
}
