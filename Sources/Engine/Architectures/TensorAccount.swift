// The bookkeeping of a recognition: which tensors fill parameters, which are left out and why, which are unexplained.

import Formats

/// Sorts a file's tensors into used, ignored and unexpected, and a graph's parameters into filled and missing.
struct TensorAccount {
    let tensors: [TensorInfo]
    let table: TensorTable
    /// Where else the encoder stands in the file.
    var copies: [String] = []

    private(set) var bindings: [ParameterBinding] = []
    private(set) var ignored: [Recognition.IgnoredTensor] = []
    private var missing: [String] = []
    private var misshapen: [String] = []
    private var unexpected: [String] = []

    init(tensors: [TensorInfo], table: TensorTable, copies: [String] = []) {
        self.tensors = tensors
        self.table = table
        self.copies = copies.filter { $0 != table.prefix && !$0.isEmpty }
    }

    /// Looks up every parameter of the graph.
    mutating func bind(_ fit: FamilyFit) {
        for parameter in fit.graph.parameters {
            let (name, transform) = fit.source(parameter)
            guard let tensor = table[name] else {
                missing.append(table.prefix + name)
                continue
            }
            guard transform.fits(tensor.shape, parameter.shape) else {
                misshapen.append("\(tensor.name) is \(tensor.shape), not \(transform.stored(parameter.shape))")
                continue
            }
            bindings.append(ParameterBinding(parameter: parameter, tensor: tensor.name, transform: transform))
        }
    }

    /// Finds a reason for every tensor that fills no parameter.
    ///
    /// - Parameter userRules: beginnings of names to leave out, separated by commas, from the user.
    mutating func ignore(_ fit: FamilyFit, userRules: String?) {
        let used = Set(bindings.map { $0.tensor })
        let wanted = Set(fit.graph.parameters.compactMap { table[fit.source($0).name]?.name })
        var inside: [String: String] = [:]
        for name in table.names { inside[table[name]?.name ?? ""] = name }
        let userBeginnings = userRules?.split(separator: ",").map { String($0) } ?? []
        for tensor in tensors where !used.contains(tensor.name) && !wanted.contains(tensor.name) {
            let name = inside[tensor.name]
            if userBeginnings.contains(where: { tensor.name.hasPrefix($0) || name?.hasPrefix($0) == true }) {
                ignored.append(Recognition.IgnoredTensor(name: tensor.name, reason: "left out by --arch-option ignore"))
            } else if let name {
                if let rule = (fit.ignored + IgnoreRule.common).first(where: { $0.covers(name) }) {
                    ignored.append(Recognition.IgnoredTensor(name: tensor.name, reason: rule.reason))
                } else {
                    unexpected.append(tensor.name)
                }
            } else {
                let copy = copies.first { tensor.name.hasPrefix($0) }
                ignored.append(
                    Recognition.IgnoredTensor(
                        name: tensor.name,
                        reason: copy.map { "another copy of the encoder, '\($0)'" }
                            ?? "outside the encoder '\(table.prefix)'"))
            }
        }
    }

    /// The error when something is missing, left over or of another shape.
    func mismatch(_ fit: FamilyFit) -> EngineError? {
        guard !(missing.isEmpty && unexpected.isEmpty && misshapen.isEmpty) else { return nil }
        let cause =
            fit.cause(unexpected, missing)
            ?? (unexpected.isEmpty && misshapen.isEmpty
                ? "the file is incomplete, or only part of the model was saved"
                : "the model was changed from the published one; --arch-option ignore=NAME leaves tensors out by the "
                    + "beginning of their names, if the encoder's output does not depend on them")
        return .parameterMismatch(
            architecture: fit.architecture, missing: missing, unexpected: unexpected, misshapen: misshapen, cause: cause
        )
    }
}

extension WeightTransform {
    /// Whether a stored tensor of one shape can fill a parameter of the other; missing last axes are 1, as when a
    /// Linear's two fill a 1×1 kernel, or a layer scale's C×1×1 one number a channel.
    func fits(_ stored: Shape, _ parameter: Shape) -> Bool {
        switch self {
        case .identity:
            stored.rank > 0 && zip(stored.axes, parameter.axes).allSatisfy { $0 == $1 }
                && parameter.axes.dropFirst(stored.rank).allSatisfy { $0 == 1 }
                && stored.axes.dropFirst(parameter.rank).allSatisfy { $0 == 1 }
        case .permuted(let order):
            stored.rank == order.count && Set(order) == Set(0..<order.count)
                && stored.checkedElementCount == parameter.checkedElementCount
                && regroups(order.map { stored[$0] }, to: parameter.axes)
        }
    }

    /// Equal axes; or a Dense's two for a 1×1 kernel; or a depthwise kernel, whose first two axes are one of ours.
    private func regroups(_ permuted: [Int], to parameter: [Int]) -> Bool {
        if permuted == parameter || permuted + [1, 1] == parameter { return true }
        guard permuted.count == 4 else { return false }
        return [permuted[0] * permuted[1], 1, permuted[2], permuted[3]] == parameter
    }

    /// The shape a stored tensor should have to fill a parameter of the given shape.
    func stored(_ parameter: Shape) -> Shape {
        guard case .permuted(let order) = self, order.count <= parameter.rank else { return parameter }
        var axes = [Int](repeating: 1, count: order.count)
        for (position, axis) in order.enumerated() where axes.indices.contains(axis) {
            axes[axis] = parameter[position]
        }
        return Shape(axes)
    }
}
