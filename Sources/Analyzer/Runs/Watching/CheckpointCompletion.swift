// Whether a checkpoint file is complete, or somebody is still writing it.

import Formats

/// Follows files from look to look and says which may be scored.
///
/// A file is complete once it can be read to its end (every tensor, and every checksum where the format has any) and has
/// then kept its identity, size and time of change for a while: a writer that pauses in the middle of a format without
/// checksums could otherwise be taken for one that has finished. A file that was renamed into its place appeared whole and
/// need not be waited for.
struct CheckpointCompletion {
    /// How long a file must have kept still.
    let settling: Duration
    private var looks: [String: Look] = [:]

    private struct Look {
        var signature: FileSignature
        var since: ContinuousClock.Instant
        var state: State
    }

    /// What a look found.
    enum State: Hashable {
        /// May be scored.
        case complete
        /// Changed a moment ago; look again.
        case settling
        /// Cannot be read to its end, for the reason given; perhaps it is still being written.
        case unreadable(String)
    }

    init(settling: Duration) { self.settling = settling }

    /// Looks at a checkpoint.
    ///
    /// - Parameters:
    ///   - now: of a clock that never jumps.
    ///   - wasRenamed: whether it is known to have appeared by a rename since the last look.
    mutating func look(
        at path: String, parts: [String], now: ContinuousClock.Instant, wasRenamed: Bool = false
    ) -> State {
        guard let signature = FileSignature(of: parts) else {
            looks[path] = nil
            return .unreadable("it is not there")
        }
        var look = Look(signature: signature, since: now, state: .settling)
        if let last = looks[path], last.signature == signature { look = last }
        if case .settling = look.state, wasRenamed || now - look.since >= settling {
            look.state = Self.reason(path).map(State.unreadable) ?? .complete
            // Changed while it was read: the next look begins anew.
            if FileSignature(of: parts) != signature { look.state = .settling }
        }
        looks[path] = look
        return look.state
    }

    /// How long an unreadable or settling file has kept still.
    func stillness(of path: String, now: ContinuousClock.Instant) -> Duration {
        looks[path].map { now - $0.since } ?? .zero
    }

    /// Why a file cannot be read to its end; nil when it can.
    private static func reason(_ path: String) -> String? {
        do throws(FormatError) {
            let reader = try Checkpoint.open(path)
            for info in reader.tensors { _ = try reader.tensor(info.name) }
            return nil
        } catch { return error.path == path ? "\(error.reason)" : "\(error)" }
    }
}
