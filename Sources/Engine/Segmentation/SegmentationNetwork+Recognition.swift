// A segmentation network on the encoder of a checkpoint.

public import Formats

extension SegmentationCard {
    /// An encoder as a recognition found it, with its parameters named as in the checkpoint wherever the file holds them
    /// in PyTorch's layout, so that the result loads in the user's own code.
    ///
    /// - Returns: the graph, the shapes that files give its parameters where they are others, and the parameter of the
    ///   recognised graph behind each name.
    public static func encoder(
        of recognition: Recognition, tensors: [TensorInfo]
    ) -> (graph: Graph, storedShapes: [String: Shape], sources: [String: Parameter]) {
        let shapes = Dictionary(tensors.map { ($0.name, $0.shape) }) { first, _ in first }
        let uses = Dictionary(recognition.bindings.map { ($0.tensor, 1) }, uniquingKeysWith: +)
        var names: [String: String] = [:]
        var stored: [String: Shape] = [:]
        for binding in recognition.bindings where binding.transform == .identity && uses[binding.tensor] == 1 {
            guard binding.tensor.hasPrefix(recognition.prefix) else { continue }
            let name = String(binding.tensor.dropFirst(recognition.prefix.count))
            names[binding.parameter.name] = name
            if let shape = shapes[binding.tensor], shape != binding.parameter.shape { stored[name] = shape }
        }
        let pruned = recognition.graph.pruned()
        let parameters = pruned.parameters
        // Names of the file and of the graph must not collide.
        let renamed = parameters.map { names[$0.name] ?? $0.name }
        if Set(renamed).count < renamed.count { names = [:] }
        var sources: [String: Parameter] = [:]
        for parameter in parameters { sources[names[parameter.name] ?? parameter.name] = parameter }
        return (pruned.renamed { names[$0] ?? $0 }, names.isEmpty ? [:] : stored, sources)
    }
}
