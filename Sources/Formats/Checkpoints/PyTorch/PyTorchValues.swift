// Reading a pickle's graph as PyTorch values: which calls are tensors, and what they look into (torch/_utils.py).

/// A value of a PyTorch pickle, so far as tensors are concerned.
enum PyTorchValue {
    case tensor(PyTorchTensor)
    /// A tensor of a kind that cannot be read, such as "a sparse tensor".
    case unsupported(String)
}

extension PickleGraph {
    /// The tensor at a node, or nil when the node is something else.
    ///
    /// Wrappers (parameters, subclasses) are looked through.
    func torchValue(_ index: Int) -> PyTorchValue? {
        guard let call = call(index), let name = dottedName(call.callee) else { return nil }
        return torchValue(name, call.arguments, depth: 0)
    }

    private func torchValue(_ name: String, _ arguments: [Int], depth: Int) -> PyTorchValue? {
        guard depth < 16 else { return nil }
        switch name {
        case "torch._utils._rebuild_tensor_v2": return tensor(arguments, dtypeArgument: nil, metadata: 6)
        case "torch._utils._rebuild_tensor_v3": return tensor(arguments, dtypeArgument: 6, metadata: 7)
        case "torch._utils._rebuild_tensor": return tensor(arguments, dtypeArgument: nil, metadata: nil)
        case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
            "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer":
            guard let first = arguments.first, let inner = call(first), let name = dottedName(inner.callee) else {
                return nil
            }
            return torchValue(name, inner.arguments, depth: depth + 1)
        case "torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type":
            // (function, type, arguments, state): a subclass that wraps what the function makes.
            guard arguments.count >= 3, let name = dottedName(arguments[0]), let inner = sequence(arguments[2]) else {
                return .unsupported("a tensor subclass")
            }
            return torchValue(name, inner, depth: depth + 1)
        default: return unreadable(name)
        }
    }

    /// Tensors of other kinds, by the function that would make them.
    private func unreadable(_ name: String) -> PyTorchValue? {
        switch name {
        case "torch._utils._rebuild_sparse_tensor", "torch._utils._rebuild_sparse_csr_tensor":
            .unsupported("a sparse tensor")
        case "torch._utils._rebuild_qtensor": .unsupported("a quantized tensor")
        case "torch._utils._rebuild_meta_tensor_no_storage": .unsupported("a meta tensor, which has no values")
        case "torch._utils._rebuild_nested_tensor": .unsupported("a nested tensor")
        case "torch._utils._rebuild_wrapper_subclass": .unsupported("a tensor subclass")
        case "torch._utils._rebuild_device_tensor_from_numpy", "torch._utils._rebuild_device_tensor_from_cpu_tensor",
            "torch._utils._rebuild_xla_tensor":
            .unsupported("a tensor of another device kind")
        case "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct":
            .unsupported("a NumPy array inside the pickle")
        default: nil
        }
    }

    /// `(storage, offset, sizes, strides, …)` as the `_rebuild_tensor` functions take them.
    private func tensor(_ arguments: [Int], dtypeArgument: Int?, metadata: Int?) -> PyTorchValue? {
        guard arguments.count >= 4, let storage = storage(arguments[0]), let offset = integer(arguments[1]),
            let sizes = integers(arguments[2]), let strides = integers(arguments[3])
        else { return .unsupported("a tensor with unreadable arguments") }
        let dtype: DType
        if let dtypeArgument {
            guard arguments.count > dtypeArgument, let name = dottedName(arguments[dtypeArgument]),
                name.hasPrefix("torch."), let named = torchDType(named: String(name.dropFirst(6)))
            else { return .unsupported("a tensor of unknown element type") }
            dtype = named
        } else {
            switch storage.kind {
            case .typed(let named): dtype = named
            case .untyped: return .unsupported("a tensor of unnamed element type")
            case .unsupported(let name): return .unsupported("a tensor over a \(name)")
            }
        }
        let (start, overflow) = offset.addingReportingOverflow(storage.viewOffset)
        guard !overflow else { return .unsupported("a tensor with unreadable arguments") }
        var tensor = PyTorchTensor(
            storage: storage.key, storageKind: storage.kind, storageCount: storage.count, dtype: dtype,
            layout: StridedLayout(offset: start, sizes: sizes, strides: strides))
        if let metadata, arguments.count > metadata {
            tensor.isConjugate = isTrue("conj", in: arguments[metadata])
            tensor.isNegative = isTrue("neg", in: arguments[metadata])
        }
        return .tensor(tensor)
    }

    private func isTrue(_ key: String, in index: Int) -> Bool {
        guard let value = value(key, in: index), case .bool(true) = nodes[value] else { return false }
        return true
    }

    /// A storage: its key, kind and counted size, from the tuple `("storage", class, key, location, count, view)`.
    ///
    /// The location (cpu, cuda:0, meta…) does not matter for reading. Only old streams have a sixth item: None, or
    /// `(key, offset, size)` of a part of the storage, in elements.
    func storage(_ index: Int) -> (key: String, kind: PyTorchStorageKind, count: Int, viewOffset: Int)? {
        guard case .persistent(let identifier) = nodes[index] else { return nil }
        if let text = string(identifier) { return storage(described: text) }
        guard case .tuple(let items) = nodes[identifier], items.count >= 5, string(items[0]) == "storage",
            let className = dottedName(items[1]),
            let kind = PyTorchStorageKind(className: className), let key = keyText(items[2]),
            let count = integer(items[4])
        else { return nil }
        let view = items.count > 5 ? sequence(items[5]) : nil
        guard let view else { return (key, kind, count, 0) }
        guard view.count >= 2, let offset = integer(view[1]) else { return nil }
        return (key, kind, count, offset)
    }

    /// A storage as protocol 0 writes it, the tuple's printed form:
    /// `('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 12)`.
    private func storage(
        described text: String
    ) -> (key: String, kind: PyTorchStorageKind, count: Int, viewOffset: Int)? {
        let parts = text.drop { $0 == "(" }.prefix { $0 != ")" }.split(separator: ",").map { part in
            String(part.drop { $0 == " " || $0 == "'" }.prefix { $0 != "'" })
        }
        let className = text.split(separator: "'").first { $0.hasPrefix("torch") }
        guard parts.count == 5, parts[0] == "storage", let className, let count = Int(parts[4]),
            let kind = PyTorchStorageKind(className: String(className))
        else { return nil }
        return (parts[2], kind, count, 0)
    }
}
