// Loops on the network's own threads.

import COneDNN

/// Runs `body` for 0..<count on oneDNN's own threads, each taking a run of neighbours, and returns when all are done.
///
/// No second pool may compete with oneDNN's: its threads wait for their next kernel by spinning, so that every other
/// thread of the process has to share a processor with one of them. Must not be called from within `body`.
public func parallelFor(_ count: Int, threads: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
        let loop = Loop(body: body)
        withExtendedLifetime(loop) {
            CDNN_parallel(
                Int64(count), Int32(clamping: threads),
                { context, first, end in
                    guard let context else { return }
                    let body = Unmanaged<Loop>.fromOpaque(context).takeUnretainedValue().body
                    for index in Int(first)..<Int(end) { body(index) }
                }, Unmanaged.passUnretained(loop).toOpaque())
        }
    }
}

/// A loop's body as C can hand it on.
private final class Loop {
    let body: (Int) -> Void

    init(body: @escaping (Int) -> Void) { self.body = body }
}
