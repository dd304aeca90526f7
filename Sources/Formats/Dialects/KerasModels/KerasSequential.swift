// A model within a model: a chain of layers. Source: keras/src/models/sequential.py (`get_config`), Keras 3.15.

/// Layers called one after the other.
struct KerasSequential: KerasLayerClass {
    /// The name of the layer that stands for the chain's input.
    let inputName: String
    /// Names and layers in order.
    let layers: [(name: String, layer: any KerasLayerClass)]

    var className: String { "Sequential" }
    var module: String { "keras" }
    var callArguments: KerasSettings { ["mask": .null] }

    func members(_ inputs: [[Int?]]) -> [KerasModelLayer]? {
        guard let axes = inputs.first, var made = KerasInputLayer(axes: axes).layer(named: inputName, on: []) else {
            return nil
        }
        var members = [made]
        for (name, layer) in layers {
            let input = KerasTensor(layer: made.name, axes: made.outputAxes)
            guard let next = layer.layer(named: name, on: [input]) else { return nil }
            members.append(next)
            made = next
        }
        return members
    }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? { members(inputs)?.last?.outputAxes }

    func config(name: String, inputs: [[Int?]], members: [KerasModelLayer]) -> JSON {
        let own: KerasSettings = [
            "layers": .array(members.map { $0.entry(isLinked: false) }),
            "build_input_shape": inputs.first.map(KerasModelLayer.shape),
        ]
        return .object((JSON.kerasBase(name: name).members ?? []) + (JSON.object(own).members ?? []))
    }
}
