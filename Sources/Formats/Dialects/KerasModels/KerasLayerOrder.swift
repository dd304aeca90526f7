// The order in which Keras lists a model's layers, which numbers the layers in weight files: by distance from the
// output, layers of one distance in the order of a depth-first walk from the output.
// Source: `map_graph` and `_build_map` in keras/src/ops/function.py (Keras 3.15).

/// Sorts layers as Keras does.
enum KerasLayerOrder {
    /// The layers that lead to `output`, in Keras' order.
    static func sorted(_ layers: [KerasModelLayer], output: String) -> [KerasModelLayer] {
        let byName = Dictionary(layers.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        let inputs = layers.map { layer in layer.inputs.compactMap { byName[$0.layer] } }
        guard let root = byName[output] else { return [] }
        let walk = walk(from: root, inputs)
        // A layer comes after all that use it in the reversed walk, so one pass settles the distances.
        var distance = [Int](repeating: 0, count: layers.count)
        for layer in walk.finished.reversed() {
            for input in inputs[layer] { distance[input] = max(distance[input], distance[layer] + 1) }
        }
        return walk.finished.sorted { left, right in
            (distance[right], walk.seen[left] ?? 0) < (distance[left], walk.seen[right] ?? 0)
        }.map { layers[$0] }
    }

    /// Walks from a layer to its inputs, first inputs first: when each layer was first seen, and the layers in the order
    /// in which all that leads to them was seen.
    private static func walk(from root: Int, _ inputs: [[Int]]) -> (seen: [Int: Int], finished: [Int]) {
        var seen = [root: 0]
        var finished: [Int] = []
        var path = [(layer: root, next: 0)]
        while let top = path.last {
            guard top.next < inputs[top.layer].count else {
                finished.append(top.layer)
                path.removeLast()
                continue
            }
            path[path.count - 1].next += 1
            let input = inputs[top.layer][top.next]
            guard seen[input] == nil else { continue }
            seen[input] = seen.count
            path.append((input, 0))
        }
        return (seen, finished)
    }
}
