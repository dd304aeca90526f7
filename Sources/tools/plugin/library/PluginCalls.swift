// The functions of ripe.h. Each only checks its arguments, calls a session, and turns the outcome into a status: what they
// promise is said in the header. They are public because only those get a name that C can find.

import Analyzer
public import CRipe
import Formats
import Glibc

/// `char **`: where a string for the caller goes.
public typealias CText = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
/// `const char *const *`
public typealias CStrings = UnsafePointer<UnsafePointer<CChar>?>
/// `ripe_session **`
public typealias CSession = UnsafeMutablePointer<OpaquePointer?>

/// See `ripe_abi_version` in ripe.h.
@_cdecl("ripe_abi_version")
public func ripeAbiVersion() -> UInt32 { UInt32(RIPE_ABI_VERSION) }

/// See `ripe_version` in ripe.h.
@_cdecl("ripe_version")
public func ripeVersion() -> UnsafePointer<CChar>? { PluginText.version }

/// See `ripe_open` in ripe.h.
@_cdecl("ripe_open")
public func ripeOpen(
    _ options: CStrings?, _ count: Int32, _ session: CSession?,
    _ error: CText?
) -> ripe_status {
    session?.pointee = nil
    return PluginText.status(error) {
        guard let session else { throw PluginFailure(RIPE_USAGE, "ripe_open: session is NULL") }
        session.pointee = PluginText.handle(try PluginSession(options: PluginText.strings(options, count)))
    }
}

/// See `ripe_open_views` in ripe.h.
@_cdecl("ripe_open_views")
public func ripeOpenViews(
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

/// See `ripe_score` in ripe.h.
@_cdecl("ripe_score")
public func ripeScore(
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

/// See `ripe_forget` in ripe.h.
@_cdecl("ripe_forget")
public func ripeForget(
    _ session: OpaquePointer?, _ path: UnsafePointer<CChar>?,
    _ error: CText?
) -> ripe_status {
    PluginText.status(error) { try PluginText.session(session).forget(try PluginText.string(path, "path")) }
}

/// See `ripe_table` in ripe.h.
@_cdecl("ripe_table")
public func ripeTable(
    _ session: OpaquePointer?, _ json: CText?,
    _ error: CText?
) -> ripe_status {
    json?.pointee = nil
    return PluginText.status(error) {
        let text = try PluginText.session(session).table()
        json?.pointee = strdup(text)
    }
}

/// See `ripe_pick` in ripe.h.
@_cdecl("ripe_pick")
public func ripePick(
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

/// See `ripe_should_stop` in ripe.h.
@_cdecl("ripe_should_stop")
public func ripeShouldStop(
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

/// See `ripe_write` in ripe.h.
@_cdecl("ripe_write")
public func ripeWrite(
    _ session: OpaquePointer?, _ folder: UnsafePointer<CChar>?,
    _ error: CText?
) -> ripe_status {
    PluginText.status(error) { try PluginText.session(session).write(to: try PluginText.string(folder, "folder")) }
}

/// See `ripe_cancel` in ripe.h.
@_cdecl("ripe_cancel")
public func ripeCancel(_ session: OpaquePointer?) { try? PluginText.session(session).cancel() }

/// See `ripe_free` in ripe.h.
@_cdecl("ripe_free")
public func ripeFree(_ text: UnsafeMutablePointer<CChar>?) { free(text) }

/// See `ripe_close` in ripe.h.
@_cdecl("ripe_close")
public func ripeClose(_ session: OpaquePointer?) {
    // In a forked child nothing is freed: threads that the release might wait for are not there.
    guard let session, (try? PluginText.session(session)) != nil else { return }
    Unmanaged<PluginSession>.fromOpaque(UnsafeRawPointer(session)).release()
}
