// How a float32 tensor lies in memory, as oneDNN sees it.

import COneDNN

/// Owns a oneDNN memory descriptor.
final class Layout {
    enum Order: Int32 {
        case plain = 0
        case channelsLast, blocked16, blocked8, any
        case kernel16i16o, kernel16o16i, kernel8i8o, kernel8o8i
    }

    let handle: OpaquePointer

    init(_ axes: [Int], _ order: Order) throws(EngineError) {
        var result: OpaquePointer?
        try check(
            CDNN_layout_create(Int32(axes.count), axes.map { Int64($0) }, order.rawValue, &result), "dnnl_memory_desc")
        handle = try created(result, by: "dnnl_memory_desc")
    }

    /// Copies a descriptor that a primitive owns.
    init(copying borrowed: OpaquePointer) throws(EngineError) {
        var result: OpaquePointer?
        try check(CDNN_layout_copy(borrowed, &result), "dnnl_memory_desc copy")
        handle = try created(result, by: "dnnl_memory_desc copy")
    }

    deinit { CDNN_layout_destroy(handle) }

    var byteCount: Int { CDNN_layout_bytes(handle) }
}
