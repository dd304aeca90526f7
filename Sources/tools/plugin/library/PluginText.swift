// Between C's pointers and Swift's values: all that libripe does with raw memory.

import CRipe
import Formats
import Glibc

/// Conversions for the calls of ripe.h.
enum PluginText {
    /// The version as a C string that lives as long as the process.
    nonisolated(unsafe) static let version: UnsafePointer<CChar>? = strdup(Ripe.version).map { UnsafePointer($0) }

    /// Runs a call; an error becomes its status, and its words go to the caller.
    static func status(_ error: CText?, _ body: () throws -> Void) -> ripe_status {
        error?.pointee = nil
        do {
            try body()
            return RIPE_OK
        } catch let thrown {
            let failure = PluginFailure(thrown)
            error?.pointee = strdup(failure.message)
            return failure.status
        }
    }

    /// Hands a session to C, which gives it back to `ripe_close`.
    static func handle(_ session: PluginSession) -> OpaquePointer {
        OpaquePointer(Unmanaged.passRetained(session).toOpaque())
    }

    /// The session behind a handle, in the process that opened it.
    static func session(_ handle: OpaquePointer?) throws -> PluginSession {
        guard let handle else { throw PluginFailure(RIPE_USAGE, "the session is NULL") }
        let session = Unmanaged<PluginSession>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
        guard session.isOfThisProcess else {
            throw PluginFailure(
                RIPE_WRONG_PROCESS,
                "the session was opened by another process, of which this one is a fork; open one of its own")
        }
        return session
    }

    /// A C string that must be there.
    static func string(_ text: UnsafePointer<CChar>?, _ name: String) throws -> String {
        guard let text else { throw PluginFailure(RIPE_USAGE, "\(name) is NULL") }
        return String(cString: text)
    }

    /// A list of C strings.
    static func strings(_ list: CStrings?, _ count: Int32) throws -> [String] {
        guard count > 0 else { return [] }
        guard let list else { throw PluginFailure(RIPE_USAGE, "options is NULL and their number is \(count)") }
        return try (0..<Int(count)).map { try string(list[$0], "option \($0)") }
    }

    /// A copy of an array of the caller's.
    static func array(_ values: UnsafePointer<Float>, _ axes: [Int]) throws -> TensorView {
        var count = 1
        for axis in axes {
            let (product, overflows) = count.multipliedReportingOverflow(by: axis)
            guard axis > 0, !overflows, product < 1 << 40 else {
                throw PluginFailure(
                    RIPE_USAGE, "shape \(axes): every axis must be above 0, and the whole fit in memory")
            }
            count = product
        }
        return TensorView(floats: Array(UnsafeBufferPointer(start: values, count: count)), shape: Shape(axes))
    }
}
