// Lists of tensors without values, as checkpoints of known networks hold them.

import Formats

@testable import Engine

extension Graph {
    /// The tensors a checkpoint of this network would hold, each name after `prefix`.
    func tensors(prefix: String = "") -> [TensorInfo] {
        parameters.map { .float(prefix + $0.name, $0.shape) }
    }
}

extension TensorInfo {
    /// A float32 tensor in a storage of its own.
    static func float(_ name: String, _ shape: Shape) -> TensorInfo {
        TensorInfo(
            name: name, dtype: .float32, shape: shape,
            storage: Storage(key: name, byteOffset: 0, byteCount: 4 * shape.elementCount))
    }
}
