// Choosing, renaming and casting tensors on the way from one file to another.

import Testing

@testable import Formats

@Suite struct Converting {
    private static let names = [
        "model.encoder.conv1.weight", "model.encoder.bn1.running_mean", "model.decoder.weight", "model.fc.weight",
    ]

    private func result(_ change: (inout NameRules) -> Void) throws -> [String] {
        var rules = NameRules()
        change(&rules)
        return try rules.apply(to: Self.names.map { made($0) }, path: "a.pt").tensors.map(\.name)
    }

    @Test func patternsChooseAndLeaveOut() throws {
        #expect(try result { $0.patterns = ["*encoder.*"] } == Array(Self.names.prefix(2)))
        #expect(try result { $0.patterns = ["!*.fc.*", "!*decoder*"] } == Array(Self.names.prefix(2)))
        #expect(try result { $0.patterns = ["*.weight", "!*.fc.*"] } == [Self.names[0], Self.names[2]])
    }

    @Test func namesAreStrippedAndGivenAnew() throws {
        #expect(try result { $0.strippedPrefix = "model.encoder." }[0] == "conv1.weight")
        #expect(try result { $0.renames = [("model.fc", "head")] }[3] == "head.weight")
        #expect(try result { $0.renames = [("model.", "")] }[2] == "decoder.weight")
        // A beginning counts only where a name's part ends.
        #expect(
            message { _ = try result { $0.renames = [("model.enc", "x")] } }.contains("matches none of its 4 tensors"))
    }

    @Test func rulesThatHitNothingOrCollideAreErrors() throws {
        #expect(
            message { _ = try result { $0.patterns = ["*.x"] } }
                == "a.pt: '--only *.x' matches none of its 4 tensors ('model.encoder.conv1.weight', "
                + "'model.encoder.bn1.running_mean', 'model.decoder.weight', …); 'ripe inspect' lists them")
        #expect(
            message { _ = try result { $0.renames = [("model.fc", "model.decoder")] } }
                == "a.pt: 'model.decoder.weight' as the name of both 'model.decoder.weight' and 'model.fc.weight' is not "
                + "supported; change --rename or --strip-prefix")
    }

    @Test(arguments: [
        (Float(1), UInt16(0x3F80), UInt16(0x3C00)), (1.00390625, 0x3F80, 0x3C04), (1.01171875, 0x3F82, 0x3C0C),
        (3.3895314e38, 0x7F7F, 0x7C00), (3.4e38, 0x7F80, 0x7C00), (-0.0, 0x8000, 0x8000), (65504, 0x4780, 0x7BFF),
        (65520, 0x4780, 0x7C00), (1e-8, 0x322C, 0x0000), (6e-8, 0x3381, 0x0001), (.infinity, 0x7F80, 0x7C00),
    ])
    func halvesAreRoundedToNearestEven(value: Float, bfloat: UInt16, half: UInt16) throws {
        let view = TensorView(floats: [value], shape: [1])
        #expect(try view.converted(to: .bfloat16, path: "a").bytes.littleEndian(at: 0, as: UInt16.self) == bfloat)
        #expect(try view.converted(to: .float16, path: "a").bytes.littleEndian(at: 0, as: UInt16.self) == half)
    }

    @Test func float64IsRoundedOnceNotTwice() throws {
        // Just above the middle of two bfloat16 numbers, by less than float32 can tell.
        let value = 1.00390625 + 1e-12
        let view = TensorView(dtype: .float64, shape: [1], bytes: Bytes(copying: [value]))
        #expect(try view.converted(to: .bfloat16, path: "a").bytes.littleEndian(at: 0, as: UInt16.self) == 0x3F81)
        let above = TensorView(dtype: .float64, shape: [1], bytes: Bytes(copying: [1.00048828125 + 1e-12]))
        #expect(try above.converted(to: .float16, path: "a").bytes.littleEndian(at: 0, as: UInt16.self) == 0x3C01)
        let nan = TensorView(dtype: .float64, shape: [1], bytes: Bytes(copying: [Double.nan]))
        #expect(try nan.converted(to: .bfloat16, path: "a").floats()?[0].isNaN == true)
    }

    @Test func integersAreNotCast() throws {
        let view = TensorView(dtype: .int64, shape: [1], bytes: Bytes(copying: [Int64(3)]))
        #expect(
            message { _ = try view.converted(to: .float16, path: "a.pt") }
                == "a.pt: turning int64 into float16 is not supported; leave --dtype out")
    }

    @Test func differencesAreMeasured() throws {
        func tensor(_ name: String, _ values: [Float]) -> DraftTensor {
            DraftTensor(name: name, dtype: .float32, shape: [values.count]) { () throws(FormatError) in
                TensorView(floats: values, shape: [values.count])
            }
        }
        let comparison = try CheckpointComparison(
            [
                tensor("same", [1]), tensor("near", [1, 2, 4]), tensor("nan", [.nan, 1]), tensor("gone", [1]),
                tensor("long", [1]),
            ],
            [
                tensor("same", [1]), tensor("near", [1, 2.5, 4.25]), tensor("nan", [1, 1]), tensor("long", [1, 2]),
                tensor("new", [1]),
            ])
        #expect(
            comparison.differences.map(\.outcome) == [
                .identical,
                .values(.init(types: [.float32, .float32], absolute: 0.5, relative: 0.2, index: 1, incomparable: 0)),
                .values(.init(types: [.float32, .float32], absolute: 0, relative: 0, index: 0, incomparable: 1)),
                .missing, .shape([1], [2]), .extra,
            ])
        #expect(comparison.differences.map { $0.isWithin(0.2) } == [true, true, false, false, false, false])
        #expect(!comparison.differences[1].isWithin(0.19))
    }
}
