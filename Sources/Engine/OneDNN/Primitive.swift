// oneDNN operations: a primitive is a compiled kernel, a step is a primitive with its memory.

import COneDNN

/// Owns a compiled oneDNN operation.
final class Primitive {
    enum Role: Int32 {
        case source = 0
        case source2, weights, bias, destination
        case sourceGradient, weightsGradient, biasGradient, destinationGradient
        case mean, variance, scale, shift, scaleGradient, shiftGradient, workspace
        case scratchpad, sources
    }

    let handle: OpaquePointer

    init(_ call: String, _ create: (UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws(EngineError) {
        var result: OpaquePointer?
        try check(create(&result), call)
        handle = try created(result, by: call)
    }

    deinit { CDNN_primitive_destroy(handle) }

    /// The layout that the kernel chose for an argument, or nil when it takes none.
    func layout(_ role: Role) throws(EngineError) -> Layout? {
        guard let borrowed = CDNN_primitive_layout(handle, role.rawValue) else { return nil }
        return try Layout(copying: borrowed)
    }

    /// Bytes of temporary memory a run needs.
    var scratchByteCount: Int {
        CDNN_primitive_layout(handle, Role.scratchpad.rawValue).map { CDNN_layout_bytes($0) } ?? 0
    }

    /// The kernel's own name, such as `jit_wino_4x3:avx512_core`.
    var kernelName: String { String(cString: CDNN_primitive_name(handle)) }
}

/// A primitive bound to the memory it reads and writes.
final class Step {
    private let handle: OpaquePointer
    private let primitive: Primitive

    init(
        _ primitive: Primitive, _ stream: Stream, _ arguments: [(role: Int32, data: UnsafeMutableRawPointer)]
    ) throws(EngineError) {
        let list = arguments.map { CDNN_argument(role: $0.role, data: $0.data) }
        var result: OpaquePointer?
        try check(
            CDNN_step_create(stream.handle, primitive.handle, list, Int32(list.count), &result), "dnnl_memory_create")
        handle = try created(result, by: "dnnl_memory_create")
        self.primitive = primitive
    }

    deinit { CDNN_step_destroy(handle) }

    /// Points one argument at other memory.
    func set(_ role: Primitive.Role, _ data: UnsafeMutableRawPointer) throws(EngineError) {
        try check(CDNN_step_set(handle, role.rawValue, data), "dnnl_memory_set_data_handle")
    }

    func run(on stream: Stream) throws(EngineError) {
        try check(CDNN_step_run(handle, stream.handle), "dnnl_primitive_execute")
    }
}
