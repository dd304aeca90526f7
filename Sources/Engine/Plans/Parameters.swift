// The values behind a graph's parameter names.

public import Formats

/// Where an engine reads parameter values from, in PyTorch's layout.
public protocol ParameterSource: Sendable {
    /// The values of a parameter, row-major float32 in the parameter's own shape.
    ///
    /// - Throws: ``EngineError`` when there is no such parameter, its shape differs or it cannot be read.
    func values(of parameter: Parameter) throws(EngineError) -> TensorView
}

/// Parameters held in memory; used by tests and for random weights.
public struct ParameterTable: ParameterSource {
    private let tensors: [String: TensorView]

    /// Wraps named float tensors.
    public init(_ tensors: [String: TensorView]) { self.tensors = tensors }

    /// The tensor of that name, whatever shape it has been given as long as the count agrees.
    public func values(of parameter: Parameter) throws(EngineError) -> TensorView {
        guard let tensor = tensors[parameter.name], tensor.shape.elementCount == parameter.shape.elementCount else {
            throw .shape(
                operation: "parameter '\(parameter.name)'", expected: "\(parameter.shape)",
                found: tensors[parameter.name].map { "\($0.shape)" } ?? "nothing")
        }
        return tensor
    }
}
