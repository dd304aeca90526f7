// The functions of ripe.h. Each only checks its arguments, calls a session, and turns the outcome into a status: what they
// promise is said in the header.

import Analyzer
import CRipe
import Formats
import Glibc

/// `char **`: where a string for the caller goes.
typealias CText = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
/// `const char *const *`
typealias CStrings = UnsafePointer<UnsafePointer<CChar>?>
/// `ripe_session **`
typealias CSession = UnsafeMutablePointer<OpaquePointer?>

@_cdecl("ripe_abi_version")
func abiVersion() -> UInt32 { UInt32(RIPE_ABI_VERSION) }

@_cdecl("ripe_version")
func version() -> UnsafePointer<CChar>? { PluginText.version }

@_cdecl("ripe_open")
func open(
    _ options: CStrings?, _ count: Int32, _ session: CSession?,
    _ error: CText?
) -> ripe_status {
    session?.pointee = nil
    return PluginText.status(error) {
        guard let session else { throw PluginFailure(RIPE_USAGE, "ripe_open: session is NULL") }
        session.pointee = PluginText.handle(try PluginSession(options: PluginText.strings(options, count)))
    }
}

@_cdecl("ripe_open_views")
func openViews(
    _ first: UnsafePointer<Float>?, _ second: UnsafePointer<Float>?, _ shape: UnsafePointer<Int64>?,
    _ options: CStrings?, _ count: Int32, _ session: CSession?,
    _ error: CText?
) -> ripe_status {
    session?.pointee = nil
    return PluginText.status(error) {
        guard let session, let first, let second, let shape else {
            throw PluginFailure(RIPE_USAGE, "ripe_open_views: an argument is NULL")
        }
        let axes = (0..<4).map { Int(shape[$0]) }
        let views = try [first, second].map { try PluginText.array($0, axes) }
        session.pointee = PluginText.handle(
            try PluginSession(views: views[0], views[1], options: PluginText.strings(options, count)))
    }
}

@_cdecl("ripe_score")
func score(
    _ session: OpaquePointer?, _ path: UnsafePointer<CChar>?,
    _ result: CText?,
    _ error: CText?
) -> ripe_status {
    result?.pointee = nil
    return PluginText.status(error) {
        let entry = try PluginText.session(session).score(try PluginText.string(path, "path"))
        result?.pointee = strdup(entry)
    }
}

@_cdecl("ripe_forget")
func forget(
    _ session: OpaquePointer?, _ path: UnsafePointer<CChar>?,
    _ error: CText?
) -> ripe_status {
    PluginText.status(error) { try PluginText.session(session).forget(try PluginText.string(path, "path")) }
}

@_cdecl("ripe_table")
func table(
    _ session: OpaquePointer?, _ json: CText?,
    _ error: CText?
) -> ripe_status {
    json?.pointee = nil
    return PluginText.status(error) {
        let text = try PluginText.session(session).table()
        json?.pointee = strdup(text)
    }
}

@_cdecl("ripe_pick")
func pick(
    _ session: OpaquePointer?, _ path: CText?,
    _ sentence: CText?,
    _ error: CText?
) -> ripe_status {
    path?.pointee = nil
    sentence?.pointee = nil
    return PluginText.status(error) {
        let found = try PluginText.session(session).pick()
        path?.pointee = strdup(found.path)
        sentence?.pointee = strdup(found.sentence)
    }
}

@_cdecl("ripe_should_stop")
func shouldStop(
    _ session: OpaquePointer?, _ patience: Int32, _ minEpochs: Int32, _ confidence: Double,
    _ stop: UnsafeMutablePointer<Int32>?, _ reason: CText?,
    _ error: CText?
) -> ripe_status {
    stop?.pointee = 0
    reason?.pointee = nil
    return PluginText.status(error) {
        guard patience > 0, minEpochs >= 0, (0.5..<1).contains(confidence) else {
            throw PluginFailure(
                RIPE_USAGE,
                "ripe_should_stop: patience must be above 0, min_epochs 0 or more, confidence from 0.5 to below 1")
        }
        let rule = StoppingRule(patience: Int(patience), minEpochs: Int(minEpochs), confidence: confidence)
        let advice = try PluginText.session(session).advice(rule)
        stop?.pointee = advice.stops ? 1 : 0
        reason?.pointee = strdup(advice.reason)
    }
}

@_cdecl("ripe_write")
func write(
    _ session: OpaquePointer?, _ folder: UnsafePointer<CChar>?,
    _ error: CText?
) -> ripe_status {
    PluginText.status(error) { try PluginText.session(session).write(to: try PluginText.string(folder, "folder")) }
}

@_cdecl("ripe_cancel")
func cancel(_ session: OpaquePointer?) { try? PluginText.session(session).cancel() }

@_cdecl("ripe_free")
func freeText(_ text: UnsafeMutablePointer<CChar>?) { free(text) }

@_cdecl("ripe_close")
func close(_ session: OpaquePointer?) {
    // In a forked child nothing is freed: threads that the release might wait for are not there.
    guard let session, (try? PluginText.session(session)) != nil else { return }
    Unmanaged<PluginSession>.fromOpaque(UnsafeRawPointer(session)).release()
}
