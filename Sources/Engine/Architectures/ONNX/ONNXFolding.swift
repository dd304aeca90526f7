// Computing what does not depend on the image: weights in other orders, sizes, and the arithmetic of shapes.

import Formats

extension ONNXImporter {
    /// A constant larger than this is not computed.
    private static let foldLimit = 1 << 23

    /// The numbers of a constant, and the stored tensors that they come from.
    mutating func numbers(_ constant: ONNXConstant) throws(EngineError) -> (values: [Double], origins: [ONNXWeight]) {
        switch constant.content {
        case .numbers(let values, _, let origins): return (values, origins)
        case .weight(let weight, let order):
            guard constant.count <= Self.foldLimit else { throw tooLarge(weight.name, constant.count) }
            try spend(constant.count, "tensor '\(weight.name)'")
            let view = try read(weight)
            guard var floats = Self.doubles(view) else {
                throw .shape(operation: "tensor '\(weight.name)'", expected: "real numbers", found: "\(view.dtype)")
            }
            if order != Array(order.indices) { floats = Self.permuted(floats, view.shape.axes, order) }
            return (floats, [weight])
        }
    }

    private func tooLarge(_ name: String, _ count: Int) -> EngineError {
        .shape(operation: "tensor '\(name)'", expected: "at most \(Self.foldLimit) numbers", found: "\(count)")
    }

    /// Integers and float64 keep more digits than float32 has.
    private static func doubles(_ view: TensorView) -> [Double]? {
        let count = view.shape.elementCount
        switch view.dtype {
        case .int64: return (0..<count).map { Double(view.bytes.littleEndian(at: 8 * $0, as: Int64.self) ?? 0) }
        case .float64:
            return (0..<count).map { Double(bitPattern: view.bytes.littleEndian(at: 8 * $0, as: UInt64.self) ?? 0) }
        default: return view.floats().map { $0.map { Double($0) } }
        }
    }

    /// The integers of a constant.
    mutating func integers(_ constant: ONNXConstant) throws(EngineError) -> [Int] {
        guard constant.count <= 1 << 16 else { throw tooLarge("of sizes", constant.count) }
        return try numbers(constant).values.map { $0.isNaN ? 0 : Int(exactly: $0.rounded()) ?? ($0 < 0 ? .min : .max) }
    }

    /// The integers of an input, or of the setting that older versions have in its place; nil for neither.
    mutating func integers(_ call: ONNXCall, input: Int, or key: String) throws(EngineError) -> [Int]? {
        if let constant = try call.constant(input) { return try integers(constant) }
        return call.integers(key)
    }

    /// The value of an operator whose inputs are all constant.
    mutating func fold(_ call: ONNXCall) throws(EngineError) -> ONNXConstant {
        if call.node.domain.isEmpty {
            if call.node.kind == "Constant" { return try literal(call) }
            if let input = try call.constant(0), let result = try rearranged(call, input) { return result }
            if let result = try computed(call) { return result }
        }
        throw call.unsupported("it computes with weights in a way that is not supported")
    }

    private func literal(_ call: ONNXCall) throws(EngineError) -> ONNXConstant {
        func numbers(_ values: [Double], _ shape: [Int], _ isInteger: Bool) -> ONNXConstant {
            ONNXConstant(shape: shape, content: .numbers(values, isInteger: isInteger, origins: []))
        }
        for (key, value) in call.node.attributes {
            switch (key, value) {
            case ("value", .tensor(let tensor)): return Self.stored(tensor, call.output, isConstant: true)
            case ("value_float", .float(let value)): return numbers([Double(value)], [], false)
            case ("value_floats", .floats(let values)): return numbers(values.map { Double($0) }, [values.count], false)
            case ("value_int", .integer(let value)): return numbers([Double(value)], [], true)
            case ("value_ints", .integers(let values)): return numbers(values.map { Double($0) }, [values.count], true)
            default: continue
            }
        }
        throw call.unsupported("it holds neither numbers nor a tensor")
    }

    // MARK: Other views of the same values

    /// The same values under another name, in another shape or order; nil if the operator does something else.
    private mutating func rearranged(
        _ call: ONNXCall, _ input: ONNXConstant
    ) throws(EngineError) -> ONNXConstant? {
        var result = input
        switch call.node.kind {
        case "Identity", "Dropout":
            if case .weight(var weight, let order) = input.content {
                weight.names.insert(call.output, at: 0)
                result.content = .weight(weight, order: order)
            }
            return result
        case "Cast", "CastLike":
            // 6, 7 and their kin are the integer types; converting to them cuts the fraction.
            guard [2, 3, 4, 5, 6, 7, 12, 13].contains(call.integer("to", default: 1)), call.node.kind == "Cast",
                input.count <= 1 << 16
            else { return result }
            let (values, origins) = try numbers(input)
            result.content = .numbers(values.map { $0.rounded(.towardZero) }, isInteger: true, origins: origins)
            return result
        case "Reshape":
            guard let target = try call.constant(1) else { return nil }
            result.shape = try Self.reshaped(
                input.shape, try integers(target), allowsZero: call.integer("allowzero", default: 0) == 1, call)
            return result
        case "Unsqueeze":
            let axes = try integers(call, input: 1, or: "axes") ?? []
            result.shape = try Self.unsqueezed(input.shape, axes, call)
            return result
        case "Squeeze":
            let axes = try integers(call, input: 1, or: "axes")
            result.shape = try Self.squeezed(input.shape, axes, call)
            return result
        case "Flatten":
            result.shape = try Self.flattened(input.shape, call)
            return result
        case "Transpose": return try transposed(call, input)
        case "Expand":
            guard let target = try call.constant(1) else { return nil }
            let sizes = try integers(target)
            let fits = sizes.count <= input.shape.count
            let same = fits && zip(sizes.reversed(), input.shape.reversed()).allSatisfy { $0 == $1 || $0 == 1 }
            return same ? result : nil
        default: return nil
        }
    }

    private mutating func transposed(_ call: ONNXCall, _ input: ONNXConstant) throws(EngineError) -> ONNXConstant {
        let rank = input.shape.count
        let order = call.integers("perm") ?? Array((0..<rank).reversed())
        guard order.count == rank, Set(order) == Set(0..<rank) else { throw call.unsupported("its order is none") }
        let shape = order.map { input.shape[$0] }
        if case .weight(let weight, let stored) = input.content, input.shape == stored.map({ weight.shape[$0] }) {
            return ONNXConstant(shape: shape, content: .weight(weight, order: order.map { stored[$0] }))
        }
        let (values, origins) = try numbers(input)
        try spend(values.count, "operator '\(call.label)'")
        return ONNXConstant(
            shape: shape,
            content: .numbers(Self.permuted(values, input.shape, order), isInteger: false, origins: origins))
    }

    /// The values with the axes in a new order.
    private static func permuted(_ values: [Double], _ shape: [Int], _ order: [Int]) -> [Double] {
        let strides = Shape(shape).rowMajorStrides
        let axes = order.map { shape[$0] }
        return walk(axes, strides: order.map { strides[$0] }).map { values[$0] }
    }

    /// The places of a strided array's elements, in order.
    static func walk(_ axes: [Int], strides: [Int]) -> [Int] {
        // An empty axis may stand behind one that is absurdly long.
        guard !axes.contains(0) else { return [] }
        var places = [0]
        for (size, stride) in zip(axes, strides) {
            places = places.flatMap { place in (0..<size).map { place + $0 * stride } }
        }
        return places
    }

    // MARK: Shapes

    /// An axis counted from the front.
    static func axis(_ axis: Int, _ rank: Int, _ call: ONNXCall) throws(EngineError) -> Int {
        guard axis >= -rank, axis < rank else { throw call.unsupported("it has no axis \(axis)") }
        return axis < 0 ? axis + rank : axis
    }

    /// The shape that Reshape makes: 0 keeps a size, −1 is what is left.
    static func reshaped(
        _ shape: [Int], _ target: [Int], allowsZero: Bool, _ call: ONNXCall
    ) throws(EngineError) -> [Int] {
        func misfit() -> EngineError { call.unsupported("it makes \(target) of \(Shape(shape)), which does not fit") }
        var result = target
        for (place, size) in target.enumerated() where size == 0 && !allowsZero {
            guard shape.indices.contains(place) else { throw misfit() }
            result[place] = shape[place]
        }
        guard target.count <= 16, result.allSatisfy({ $0 >= -1 }), result.count(where: { $0 == -1 }) <= 1,
            let count = Shape(shape).checkedElementCount,
            let rest = Shape(result.map { $0 == -1 ? 1 : $0 }).checkedElementCount
        else { throw misfit() }
        if let open = result.firstIndex(of: -1) {
            guard rest > 0, count % rest == 0 else { throw misfit() }
            result[open] = count / rest
        } else if rest != count {
            throw misfit()
        }
        return result
    }

    static func flattened(_ shape: [Int], _ call: ONNXCall) throws(EngineError) -> [Int] {
        let axis = call.integer("axis", default: 1)
        guard axis >= -shape.count, axis <= shape.count else { throw call.unsupported("it has no axis \(axis)") }
        let place = axis < 0 ? axis + shape.count : axis
        return [shape[..<place].reduce(1, *), shape[place...].reduce(1, *)]
    }

    static func unsqueezed(_ shape: [Int], _ axes: [Int], _ call: ONNXCall) throws(EngineError) -> [Int] {
        guard axes.count <= 16 else { throw call.unsupported("it adds too many axes") }
        var places: [Int] = []
        for axis in axes { places.append(try Self.axis(axis, shape.count + axes.count, call)) }
        guard Set(places).count == places.count else { throw call.unsupported("it adds an axis twice") }
        var result = shape
        for place in places.sorted() { result.insert(1, at: place) }
        return result
    }

    static func squeezed(_ shape: [Int], _ axes: [Int]?, _ call: ONNXCall) throws(EngineError) -> [Int] {
        guard let axes else { return shape.filter { $0 != 1 } }
        var dropped: Set<Int> = []
        for axis in axes { dropped.insert(try Self.axis(axis, shape.count, call)) }
        guard dropped.allSatisfy({ shape[$0] == 1 }) else { throw call.unsupported("it drops an axis larger than 1") }
        return shape.indices.filter { !dropped.contains($0) }.map { shape[$0] }
    }
}
