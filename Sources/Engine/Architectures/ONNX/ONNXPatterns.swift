// Layers that exporters of older operator sets write as several operators: GELU by the error function, and LayerNorm.

import Formats

/// Where such layers end, and the operators that they take with them.
struct ONNXPatterns {
    /// A layer by the value it begins with.
    struct Layer {
        enum Kind {
            case gelu
            /// Over these axes of the input.
            case layerNorm(axes: [Int], epsilon: Float)
        }
        let kind: Kind
        let input: String
    }

    /// Layers by the operator whose output is theirs.
    private(set) var ends: [Int: Layer] = [:]
    /// The operators inside, which are not run one by one.
    private(set) var skipped: Set<Int> = []

    private let nodes: [ONNXNode]
    private var producers: [String: Int] = [:]
    private var consumers: [String: [Int]] = [:]
    private var tensors: [String: ONNXTensor] = [:]
    private let read: (ONNXTensor) -> TensorView?

    /// Looks through a graph.
    ///
    /// - Parameter read: a small constant's values.
    init(_ graph: ONNXGraph, read: @escaping (ONNXTensor) -> TensorView? = { _ in nil }) {
        nodes = graph.nodes
        self.read = read
        for tensor in graph.initializers where tensor.shape.checkedElementCount ?? 99 <= 8 {
            tensors[tensor.name] = tensor
        }
        for (index, node) in graph.nodes.enumerated() {
            for output in node.outputs where producers[output] == nil { producers[output] = index }
            for input in Set(node.inputs) { consumers[input, default: []].append(index) }
        }
        for (index, node) in graph.nodes.enumerated() where node.domain.isEmpty {
            switch node.kind {
            case "Erf": findGELU(index)
            case "Sqrt": findLayerNorm(index)
            default: break
            }
        }
    }

    /// The only operator that reads a value.
    func reader(of name: String?) -> Int? {
        guard let name, let readers = consumers[name], readers.count == 1 else { return nil }
        return readers[0]
    }

    private func output(_ index: Int) -> String? { nodes[index].outputs.first }

    // MARK: Constants

    /// The single number that a value is, if it is one.
    func number(_ name: String) -> Double? { numbers(name).flatMap { $0.count == 1 ? $0[0] : nil } }

    private func numbers(_ name: String, depth: Int = 4) -> [Double]? {
        if let tensor = tensors[name] { return values(tensor) }
        guard depth > 0, let index = producers[name] else { return nil }
        let node = nodes[index]
        switch node.kind {
        case "Identity", "Cast", "CastLike", "Reshape", "Squeeze", "Unsqueeze":
            return node.inputs.first.flatMap { numbers($0, depth: depth - 1) }
        case "Constant":
            switch node.attributes.first?.value {
            case .tensor(let tensor): return values(tensor)
            case .float(let value): return [Double(value)]
            case .integer(let value): return [Double(value)]
            case .integers(let values) where values.count <= 8: return values.map { Double($0) }
            default: return nil
            }
        default: return nil
        }
    }

    private func values(_ tensor: ONNXTensor) -> [Double]? {
        guard tensor.shape.checkedElementCount ?? 99 <= 8 else { return nil }
        return read(tensor)?.floats()?.map { Double($0) }
    }

    /// An operator's other input, where one of its two is `name`.
    private func other(_ node: ONNXNode, than name: String) -> String? {
        guard node.inputs.count == 2 else { return nil }
        return node.inputs[0] == name ? node.inputs[1] : node.inputs[1] == name ? node.inputs[0] : nil
    }

    /// The factor and the value, for `value · factor` or `value / divisor`.
    private func scaled(_ index: Int) -> (value: String, factor: Double)? {
        let node = nodes[index]
        guard node.inputs.count == 2 else { return nil }
        switch node.kind {
        case "Mul":
            if let factor = number(node.inputs[1]) { return (node.inputs[0], factor) }
            return number(node.inputs[0]).map { (node.inputs[1], $0) }
        case "Div":
            guard let divisor = number(node.inputs[1]), divisor != 0 else { return nil }
            return (node.inputs[0], 1 / divisor)
        default: return nil
        }
    }

    // MARK: GELU

    /// x·½·(1 + erf(x/√2)), with its factors in any order.
    private mutating func findGELU(_ erf: Int) {
        guard let argument = nodes[erf].inputs.first, let scaling = producers[argument],
            let (x, factor) = scaled(scaling), abs(factor - 0.5.squareRoot()) < 1e-4, reader(of: argument) == erf,
            let plus = reader(of: output(erf)), nodes[plus].kind == "Add", let sum = output(plus),
            let erfOutput = output(erf), let one = other(nodes[plus], than: erfOutput), number(one) == 1
        else { return }
        var inside: Set<Int> = [scaling, erf, plus]
        var (value, rest, hasX) = (sum, 1.0, false)
        for _ in 0..<2 {
            guard let next = reader(of: value), let result = output(next) else { return }
            if let (_, factor) = scaled(next), number(nodes[next].inputs.first { $0 == value } ?? "") == nil {
                rest *= factor
            } else if nodes[next].kind == "Mul", let operand = other(nodes[next], than: value) {
                if operand == x, !hasX {
                    hasX = true
                } else if !hasX, let half = producers[operand], let (base, factor) = scaled(half), base == x,
                    reader(of: operand) == next
                {
                    hasX = true
                    rest *= factor
                    inside.insert(half)
                } else {
                    return
                }
            } else {
                return
            }
            if hasX, abs(rest - 0.5) < 1e-6 {
                ends[next] = Layer(kind: .gelu, input: x)
                skipped.formUnion(inside)
                return
            }
            inside.insert(next)
            value = result
        }
    }

    // MARK: LayerNorm

    /// (x − mean) / √(mean((x − mean)²) + ε), without scale and shift, which follow as operators of their own.
    private mutating func findLayerNorm(_ root: Int) {
        guard let sum = nodes[root].inputs.first.flatMap({ producers[$0] }), nodes[sum].kind == "Add",
            nodes[sum].inputs.count == 2,
            let place = nodes[sum].inputs.firstIndex(where: { number($0) != nil }),
            let epsilon = number(nodes[sum].inputs[place]),
            let variance = producers[nodes[sum].inputs[1 - place]], nodes[variance].kind == "ReduceMean",
            let square = nodes[variance].inputs.first.flatMap({ producers[$0] }), let difference = squared(square),
            let minus = producers[difference], nodes[minus].kind == "Sub", nodes[minus].inputs.count == 2,
            let mean = producers[nodes[minus].inputs[1]], nodes[mean].kind == "ReduceMean",
            let x = nodes[mean].inputs.first, x == nodes[minus].inputs[0],
            let axes = axes(mean), axes == self.axes(variance),
            let end = reader(of: output(root)), nodes[end].kind == "Div", nodes[end].inputs.count == 2,
            nodes[end].inputs[1] == output(root),
            let numerator = producers[nodes[end].inputs[0]], nodes[numerator].kind == "Sub",
            nodes[numerator].inputs == nodes[minus].inputs
        else { return }
        let inside: Set<Int> = [mean, minus, numerator, square, variance, sum, root]
        let isClosed = inside.allSatisfy { index in
            output(index).map { consumers[$0] ?? [] }?.allSatisfy { inside.contains($0) || $0 == end } ?? false
        }
        guard isClosed else { return }
        ends[end] = Layer(kind: .layerNorm(axes: axes, epsilon: Float(epsilon)), input: x)
        skipped.formUnion(inside)
    }

    /// The value whose square an operator computes.
    private func squared(_ index: Int) -> String? {
        let node = nodes[index]
        guard node.inputs.count == 2 else { return nil }
        if node.kind == "Pow", number(node.inputs[1]) == 2 { return node.inputs[0] }
        return node.kind == "Mul" && node.inputs[0] == node.inputs[1] ? node.inputs[0] : nil
    }

    /// The axes of a reduction that keeps them.
    private func axes(_ index: Int) -> [Int]? {
        let node = nodes[index]
        if case .integer(0) = node.attributes["keepdims"] { return nil }
        if case .integers(let axes) = node.attributes["axes"] { return axes }
        guard node.inputs.count == 2 else { return nil }
        return numbers(node.inputs[1])?.map { Int($0) }
    }
}
