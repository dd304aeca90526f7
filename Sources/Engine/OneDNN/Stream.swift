// oneDNN's engine and stream, and the one place that turns its status codes into errors.

import COneDNN

/// Owns a oneDNN engine with its in-order stream.
final class Stream {
    let handle: OpaquePointer

    init() throws(EngineError) {
        var created: OpaquePointer?
        try check(CDNN_stream_create(&created), "dnnl_stream_create")
        guard let created else { throw .library(call: "dnnl_stream_create", detail: "no stream") }
        handle = created
    }

    deinit { CDNN_stream_destroy(handle) }

    /// Waits until everything submitted has run.
    func wait() throws(EngineError) { try check(CDNN_stream_wait(handle), "dnnl_stream_wait") }
}

/// Throws unless a oneDNN call succeeded.
func check(_ status: Int32, _ call: String) throws(EngineError) {
    guard status == 0 else { throw .library(call: call, detail: String(cString: CDNN_status_text(status))) }
}

/// The tensor of a handle that a successful call filled in.
func created(_ handle: OpaquePointer?, by call: String) throws(EngineError) -> OpaquePointer {
    guard let handle else { throw .library(call: call, detail: "nothing was created") }
    return handle
}
