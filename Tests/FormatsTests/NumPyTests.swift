// .npy headers rule by rule, and writing that matches NumPy byte for byte.

import Testing
import TestSupport

@testable import Formats

@Suite struct NumPyTests {
    private func file(_ header: String, _ data: [UInt8] = [], version: UInt8 = 1) -> [UInt8] {
        var bytes = NumPyHeader.magic + [version, 0]
        if version == 1 {
            bytes.append(littleEndian: UInt16(header.utf8.count))
        } else {
            bytes.append(littleEndian: UInt32(header.utf8.count))
        }
        return bytes + Array(header.utf8) + data
    }

    private func read(_ bytes: [UInt8]) throws -> TensorView {
        try NumPy.array(Bytes(copying: bytes), path: "a.npy", section: "array")
    }

    @Test(arguments: [1, 2, 3] as [UInt8])
    func headersOfEveryVersionAreRead(version: UInt8) throws {
        let view = try read(
            file("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }   \n", [1, 0, 2, 0], version: version))
        #expect(view.shape == [2])
        #expect(view.floats() == [1, 2])
    }

    @Test(
        arguments: [
            ("{'shape': (2L, 1L), \"descr\": \"|u1\", 'fortran_order': True}", [2, 1] as Shape, [7, 9] as [Float]),
            ("{'descr':'>i2','fortran_order':False,'shape':()}", [], [1801]),
            ("{'descr': '=f2', 'fortran_order': False, 'shape': (1,)}", [1], [0.00015342]),
            ("{'descr': '|V2', 'fortran_order': False, 'shape': (1,)}", [1], [1.6250034e-33]),
            ("{'descr': '|b1', 'fortran_order': False, 'shape': (2, )}", [2], [1, 1]),
        ] as [(String, Shape, [Float])])
    func spellingsOfTheHeaderAreRead(header: String, shape: Shape, values: [Float]) throws {
        let view = try read(file(header, [7, 9]))
        #expect(view.shape == shape)
        let found = try #require(view.floats())
        #expect(found.count == values.count)
        for (found, value) in zip(found, values) { #expect(abs(found - value) <= abs(value) * 1e-3) }
    }

    @Test(arguments: [
        (
            "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
            "an array of Python objects ('|O') is not supported; it is a pickle; save numbers instead"
        ),
        (
            "{'descr': '<U2', 'fortran_order': False, 'shape': (1,)}",
            "an array of text ('<U2') is not supported; save numbers"
        ),
        (
            "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,)}",
            "an array of dates ('<M8[ns]') is not supported; save numbers"
        ),
        (
            "{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}",
            "this element type ('<f16') is not supported; save it as float32 or an integer type"
        ),
        (
            "{'descr': [('a', '<f4'), (']', '<i4')], 'fortran_order': False, 'shape': (1,)}",
            "a structured array is not supported; save its fields as separate arrays"
        ),
        (
            "{'descr': '<f4', 'fortran_order': False}",
            "header: expected the keys descr, fortran_order and shape, found something else"
        ),
        (
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
            "header: expected a size that fits 64 bits, found 4611686018427387904×4"
        ),
        (
            "{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}",
            "header at byte 34: expected a string, a bool or a tuple, found byte 0x31"
        ),
        (
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
            "header at byte 51: expected a size, found byte 0x2d"
        ),
        ("{'descr': '<f4", "header at byte 14: expected the string's closing quote, found its end"),
        ("{} x", "header at byte 3: expected the end of the header, found byte 0x78"),
        ("{'descr': [", "header at byte 11: expected the list's closing bracket, found its end"),
    ])
    func otherHeadersAreRefusedByName(header: String, expected: String) {
        #expect(message { try read(file(header)) } == "a.npy: array: \(expected)")
    }

    @Test func missingValuesAndLargeHeadersAreRefused() {
        #expect(
            message { try read(file("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", [1, 2])) }
                == "a.npy: array at byte 67 is cut short: 12 bytes expected, 2 found")
        #expect(
            message { try read(NumPyHeader.magic + [2, 0, 0, 0, 0, 0x80]) }
                == "a.npy: array: its header is 2147483648 bytes, more than the limit of 1048576")
        #expect(
            message { try read(NumPyHeader.magic + [1, 0, 9, 0]) }
                == "a.npy: array: header at byte 10 is cut short: 9 bytes expected, 0 found")
        #expect(
            message { try read(NumPyHeader.magic + [4, 0, 9, 0]) }
                == "a.npy: array: NPY version 4 is not supported; save it with NumPy 2")
    }

    @Test(arguments: ["plain.npy", "scalar.npy"])
    func writtenFilesAreThoseOfNumPy(name: String) throws {
        let path = TestData.fixtures + "/formats/" + name
        let view = try NumPy.readArray(path)
        try withTemporaryFolder { folder in
            try NumPy.write(view, to: "\(folder)/copy.npy")
            #expect(try Bytes(mapping: "\(folder)/copy.npy").array == Bytes(mapping: path).array)
        }
    }

    @Test func archivesAreReadBackAndTheSameEachTime() throws {
        let arrays: [(name: String, array: TensorView)] = [
            ("level_1", TensorView(floats: [1, 2, 3, 4, 5, 6], shape: [1, 2, 3])),
            ("folder/half", TensorView(dtype: .bfloat16, shape: [], bytes: Bytes(copying: [0x80, 0x3F] as [UInt8]))),
            ("empty", TensorView(dtype: .int64, shape: [0, 4], bytes: Bytes(copying: [Int]()))),
        ]
        try withTemporaryFolder { folder in
            try NumPy.write(npz: arrays, to: "\(folder)/a.npz")
            try NumPy.write(npz: arrays, to: "\(folder)/b.npz")
            #expect(try Bytes(mapping: "\(folder)/a.npz").array == Bytes(mapping: "\(folder)/b.npz").array)
            let found = try NumPy.readArchive("\(folder)/a.npz")
            #expect(found.map(\.name) == ["level_1", "folder/half", "empty"])
            #expect(found.map(\.array.shape) == [[1, 2, 3], [], [0, 4]])
            #expect(found[0].array.floats() == [1, 2, 3, 4, 5, 6])
            #expect(found[0].array.bytes.isAligned(to: 64))
            #expect(found[1].array.floats() == [1])
        }
    }

    @Test func whatNumPyCannotHoldIsRefused() throws {
        let view = TensorView(dtype: .float8E4M3FN, shape: [1], bytes: Bytes(copying: [1] as [UInt8]))
        #expect(
            message { try NumPy.write(view, to: "x.npy") }
                == "x.npy: a NumPy array of float8_e4m3fn is not supported; convert it to float32")
        let twice = [("a", TensorView(floats: [], shape: [0])), ("a", TensorView(floats: [], shape: [0]))]
        try withTemporaryFolder { folder in
            #expect(
                message { try NumPy.write(npz: twice, to: "\(folder)/x.npz") }.hasSuffix(
                    "arrays to write: expected distinct names, found 'a' twice"))
        }
    }

    @Test func anotherKindOfFileIsNamed() throws {
        try withTemporaryFolder { folder in
            let path = try write(Array("<!DOCTYPE html>".utf8), "x.npy", in: folder)
            #expect(
                message { try NumPy.readArray(path) }
                    == "\(path): this is a web page, not a NumPy array; the download failed and saved the server's answer; fetch it again"
            )
        }
    }
}
