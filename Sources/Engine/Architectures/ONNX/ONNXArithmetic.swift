// Arithmetic on constants: shapes that exporters compute, and weights that a network computes from others.

import Formats

extension ONNXImporter {
    /// A constant computed from constants; nil for operators that are not known here.
    mutating func computed(_ call: ONNXCall) throws(EngineError) -> ONNXConstant? {
        switch call.node.kind {
        case "Shape":
            guard let input = try call.constant(0) else { return nil }
            return .integers(Self.part(of: input.shape, call))
        case "Size": return try call.constant(0).map { .integers([$0.count]) }
        case "ConstantOfShape": return try filled(call)
        case "Expand":
            guard let input = try call.constant(0), let target = try call.constant(1) else { return nil }
            let ones = try integers(target)
            return try broadcast(
                call, input, ONNXConstant(shape: ones, content: .numbers([], isInteger: false, origins: []))
            ) { value, _ in value }
        case "Range": return try range(call)
        case "Gather", "Concat", "Slice": return try picked(call)
        case "Where": return try chosen(call)
        case "ReduceSum", "ReduceMean", "ReduceProd": return try reduced(call)
        default: break
        }
        guard let first = try call.constant(0) else { return nil }
        if call.node.inputs.count == 1, let function = Self.unary[call.node.kind] {
            let (values, origins) = try numbers(first)
            try spend(values.count, "operator '\(call.label)'")
            return ONNXConstant(
                shape: first.shape, content: .numbers(values.map(function), isInteger: false, origins: origins))
        }
        guard let second = try call.constant(1), call.node.inputs.count == 2 else { return nil }
        if call.node.kind == "Div", Self.isInteger(first), Self.isInteger(second) {
            return try broadcast(call, first, second) { $1 == 0 ? 0 : ($0 / $1).rounded(.towardZero) }
        }
        guard let function = Self.binary[call.node.kind] else { return nil }
        return try broadcast(call, first, second, function)
    }

    private static let unary: [String: @Sendable (Double) -> Double] = [
        "Neg": { -$0 }, "Abs": { abs($0) }, "Sqrt": { $0.squareRoot() }, "Reciprocal": { 1 / $0 },
        "Floor": { $0.rounded(.down) }, "Ceil": { $0.rounded(.up) }, "Not": { $0 == 0 ? 1 : 0 },
        "Relu": { max($0, 0) },
    ]

    private static let binary: [String: @Sendable (Double, Double) -> Double] = [
        "Add": { $0 + $1 }, "Sub": { $0 - $1 }, "Mul": { $0 * $1 }, "Div": { $0 / $1 }, "Min": { min($0, $1) },
        "Max": { max($0, $1) }, "Equal": { $0 == $1 ? 1 : 0 }, "Greater": { $0 > $1 ? 1 : 0 },
        "Less": { $0 < $1 ? 1 : 0 }, "Mod": { $1 == 0 ? 0 : $0 - ($0 / $1).rounded(.down) * $1 },
        "Pow": { base, exponent in
            switch exponent {
            case 2: base * base
            case 0.5: base.squareRoot()
            case -0.5: 1 / base.squareRoot()
            case 1: base
            default: .nan
            }
        },
    ]

    private static func isInteger(_ constant: ONNXConstant) -> Bool {
        switch constant.content {
        case .numbers(_, let isInteger, _): isInteger
        case .weight(let weight, _): !weight.isLearned && constant.shape.count <= 1
        }
    }

    /// The sizes that Shape gives, from `start` to `end`.
    static func part(of sizes: [Int], _ call: ONNXCall) -> [Int] {
        func place(_ key: String, _ standard: Int) -> Int {
            let value = call.integer(key, default: standard)
            return min(max(value < 0 ? value + sizes.count : value, 0), sizes.count)
        }
        let (start, end) = (place("start", 0), place("end", sizes.count))
        return start < end ? Array(sizes[start..<end]) : []
    }

    private mutating func filled(_ call: ONNXCall) throws(EngineError) -> ONNXConstant? {
        guard let target = try call.constant(0) else { return nil }
        let sizes = try integers(target)
        var value = 0.0
        if case .tensor(let tensor) = call.node.attributes["value"] {
            do throws(FormatError) { value = Double(try file.values(of: tensor).floats()?.first ?? 0) } catch {
                throw .format(error)
            }
        }
        guard let count = Shape(sizes).checkedElementCount, count <= 1 << 23 else {
            throw call.unsupported("it makes a constant of \(Shape(sizes))")
        }
        try spend(count, "operator '\(call.label)'")
        return ONNXConstant(
            shape: sizes,
            content: .numbers([Double](repeating: value, count: count), isInteger: false, origins: []))
    }

    private mutating func range(_ call: ONNXCall) throws(EngineError) -> ONNXConstant? {
        guard let start = try call.constant(0), let end = try call.constant(1), let step = try call.constant(2) else {
            return nil
        }
        let bounds = (
            try integers(start).first ?? 0, try integers(end).first ?? 0, try integers(step).first ?? 1
        )
        guard bounds.2 != 0, [bounds.0, bounds.1].allSatisfy({ (-1 << 20...1 << 20).contains($0) }) else {
            throw call.unsupported("its range is too long")
        }
        return .integers(Array(stride(from: bounds.0, to: bounds.1, by: bounds.2)))
    }

    /// Two constants, element by element, the smaller one repeated as NumPy does.
    private mutating func broadcast(
        _ call: ONNXCall, _ first: ONNXConstant, _ second: ONNXConstant, _ function: (Double, Double) -> Double
    ) throws(EngineError) -> ONNXConstant {
        let rank = max(first.shape.count, second.shape.count)
        func padded(_ shape: [Int]) -> [Int] { [Int](repeating: 1, count: rank - shape.count) + shape }
        let (one, other) = (padded(first.shape), padded(second.shape))
        let shape = zip(one, other).map { $0 == 1 ? $1 : $0 }
        guard zip(one, other).allSatisfy({ $0 == $1 || $0 == 1 || $1 == 1 }),
            let count = Shape(shape).checkedElementCount, count <= 1 << 23
        else {
            throw call.unsupported("its shapes \(Shape(first.shape)) and \(Shape(second.shape)) do not go together")
        }
        try spend(count, "operator '\(call.label)'")
        func places(_ sizes: [Int]) -> [Int] {
            let strides = Shape(sizes).rowMajorStrides
            return Self.walk(shape, strides: zip(sizes, strides).map { $0 == 1 ? 0 : $1 })
        }
        let (left, leftOrigins) = try numbers(first)
        // Expand gives sizes only.
        let isSizes = if case .numbers(let none, _, _) = second.content { none.isEmpty } else { false }
        let (right, rightOrigins) = isSizes ? ([0], []) : try numbers(second)
        let pairs = zip(places(one), isSizes ? [Int](repeating: 0, count: count) : places(other))
        return ONNXConstant(
            shape: shape,
            content: .numbers(
                pairs.map { function(left[$0], right[$1]) },
                isInteger: Self.isInteger(first) && (isSizes || Self.isInteger(second)),
                origins: Self.joined(leftOrigins, rightOrigins)))
    }

    /// Each origin once.
    private static func joined(_ one: [ONNXWeight], _ other: [ONNXWeight]) -> [ONNXWeight] {
        one == other || other.isEmpty ? one : one + other.filter { !one.contains($0) }
    }

    private mutating func chosen(_ call: ONNXCall) throws(EngineError) -> ONNXConstant? {
        guard let condition = try call.constant(0), let yes = try call.constant(1), let no = try call.constant(2),
            condition.shape == yes.shape || yes.count == 1, condition.shape == no.shape || no.count == 1
        else { return nil }
        let (tests, _) = try numbers(condition)
        let (these, _) = try numbers(yes)
        let (those, _) = try numbers(no)
        let values = tests.enumerated().map { place, test in
            test != 0 ? these[these.count == 1 ? 0 : place] : those[those.count == 1 ? 0 : place]
        }
        return ONNXConstant(
            shape: condition.shape,
            content: .numbers(values, isInteger: Self.isInteger(yes) && Self.isInteger(no), origins: []))
    }

    /// Gather and Concat of lists, and Slice: what the arithmetic of shapes needs.
    private mutating func picked(_ call: ONNXCall) throws(EngineError) -> ONNXConstant? {
        guard let first = try call.constant(0), call.node.kind == "Slice" || first.shape.count <= 1 else { return nil }
        let (values, origins) = try numbers(first)
        let isInteger = Self.isInteger(first)
        switch call.node.kind {
        case "Gather":
            guard let places = try call.constant(1), call.integer("axis", default: 0) == 0 else { return nil }
            var chosen: [Double] = []
            for place in try integers(places) { chosen.append(values[try Self.axis(place, values.count, call)]) }
            return ONNXConstant(
                shape: places.shape, content: .numbers(chosen, isInteger: isInteger, origins: origins))
        case "Concat":
            var (all, sources, isWhole) = (values, origins, isInteger)
            for index in 1..<max(call.inputs.count, 1) {
                guard let next = try call.constant(index), next.shape.count == 1, all.count < 1 << 20 else {
                    return nil
                }
                let (more, from) = try numbers(next)
                all += more
                sources = Self.joined(sources, from)
                isWhole = isWhole && Self.isInteger(next)
            }
            return ONNXConstant(
                shape: [all.count], content: .numbers(all, isInteger: isWhole, origins: sources))
        default:
            guard first.count > 0 else { return nil }
            let kept = try ranges(call, first.shape)
            var places = [0]
            for (range, stride) in zip(kept, Shape(first.shape).rowMajorStrides) {
                places = places.flatMap { place in range.map { place + $0 * stride } }
            }
            return ONNXConstant(
                shape: kept.map(\.count),
                content: .numbers(places.map { values[$0] }, isInteger: isInteger, origins: origins))
        }
    }

    /// The places that Slice keeps along each axis.
    private mutating func ranges(_ call: ONNXCall, _ shape: [Int]) throws(EngineError) -> [[Int]] {
        let starts = try integers(call, input: 1, or: "starts") ?? []
        let ends = try integers(call, input: 2, or: "ends") ?? []
        let axes = try integers(call, input: 3, or: "axes") ?? Array(starts.indices)
        let steps = try integers(call, input: 4, or: "steps") ?? [Int](repeating: 1, count: starts.count)
        guard starts.count == ends.count, axes.count == starts.count, steps.count == starts.count else {
            throw call.unsupported("its bounds do not fit")
        }
        var kept = shape.map { Array(0..<$0) }
        for (index, place) in axes.enumerated() {
            let axis = try Self.axis(place, shape.count, call)
            let (size, step) = (shape[axis], steps[index])
            guard step != 0, (-1 << 20...1 << 20).contains(step) else { throw call.unsupported("its step is 0") }
            func bound(_ value: Int, _ range: ClosedRange<Int>) -> Int {
                min(
                    max(value < 0 ? value.addingReportingOverflow(size).partialValue : value, range.lowerBound),
                    range.upperBound)
            }
            kept[axis] =
                step > 0
                ? Array(stride(from: bound(starts[index], 0...size), to: bound(ends[index], 0...size), by: step))
                : Array(
                    stride(from: bound(starts[index], -1...size - 1), to: bound(ends[index], -1...size - 1), by: step))
        }
        return kept
    }

    private mutating func reduced(_ call: ONNXCall) throws(EngineError) -> ONNXConstant? {
        guard let input = try call.constant(0) else { return nil }
        let rank = input.shape.count
        var axes: Set<Int> = []
        for axis in try integers(call, input: 1, or: "axes") ?? Array(0..<rank) {
            axes.insert(try Self.axis(axis, rank, call))
        }
        let (values, origins) = try numbers(input)
        let kept = input.shape.indices.map { axes.contains($0) ? 1 : input.shape[$0] }
        let strides = zip(kept, Shape(kept).rowMajorStrides).map { $0 == 1 ? 0 : $1 }
        let isProduct = call.node.kind == "ReduceProd"
        let count = kept.reduce(1, *)
        try spend(values.count, "operator '\(call.label)'")
        var sums = [Double](repeating: isProduct ? 1 : 0, count: count)
        for (value, place) in zip(values, Self.walk(input.shape, strides: strides)) {
            if isProduct { sums[place] *= value } else { sums[place] += value }
        }
        if call.node.kind == "ReduceMean", count > 0 { sums = sums.map { $0 * Double(count) / Double(values.count) } }
        let shape =
            call.integer("keepdims", default: 1) == 1
            ? kept : kept.indices.filter { !axes.contains($0) }.map { kept[$0] }
        return ONNXConstant(
            shape: shape, content: .numbers(sums, isInteger: Self.isInteger(input), origins: origins))
    }
}
