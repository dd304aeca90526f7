// How Swift talks to libhdf5: one lock, one owner for each identifier, errors as values. No identifier outlives the
// call that opened it: readers keep what they learned and the mapped bytes, never an open file.

import CHDF5
import Synchronization

/// The process's libhdf5. Debian builds it thread-safe, others do not, and its error stack is global either way, so
/// every use goes through ``withLock(_:)``.
enum HDF5Library {
    /// The only process-wide state of this module.
    private static let lock: Mutex<Void> = {
        // No cleanup at exit: after a failed call it can end in "infinite loop closing library", and no file is open.
        H5dont_atexit()
        H5open()
        // A file may name a filter that libhdf5 would load as a plugin, which is code: never.
        H5PLset_loading_state(0)
        return Mutex(())
    }()

    /// Runs `body` alone in libhdf5, whose messages to stderr are off and whose error stack begins empty.
    static func withLock<Result: Sendable>(
        _ body: () throws(FormatError) -> Result
    ) throws(FormatError) -> Result {
        try lock.withLock { (_) throws(FormatError) in
            H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)  // kept for each thread, so it is set each time
            H5Eclear2(hid_t(H5E_DEFAULT))
            return try body()
        }
    }

    /// What libhdf5 says about its last failure, outermost then innermost, and clears its stack.
    ///
    /// Leaving the stack filled makes the library leak identifiers into later calls.
    static func takeErrorMessage() -> String {
        var lines: [String] = []
        withUnsafeMutablePointer(to: &lines) { lines in
            _ = H5Ewalk2(
                hid_t(H5E_DEFAULT), H5E_WALK_DOWNWARD,
                { _, error, context in
                    guard let description = error?.pointee.desc, let context else { return 0 }
                    context.assumingMemoryBound(to: [String].self).pointee.append(String(cString: description))
                    return 0
                }, lines)
        }
        H5Eclear2(hid_t(H5E_DEFAULT))
        guard let outermost = lines.first, let innermost = lines.last else { return "no reason given" }
        return lines.count == 1 ? outermost : "\(outermost): \(innermost)"
    }
}

/// Owns one libhdf5 identifier of any kind and closes it on every path.
struct HDF5Handle: ~Copyable {
    let id: hid_t

    /// Takes the identifier that `open` returns.
    ///
    /// - Throws: ``FormatError`` with `.library` holding libhdf5's own words when it is negative.
    init(_ path: String, _ call: String, _ open: () -> hid_t) throws(FormatError) {
        let id = open()
        guard id >= 0 else {
            throw FormatError(path, .library(call: call, detail: HDF5Library.takeErrorMessage()))
        }
        self.id = id
    }

    deinit { H5Idec_ref(id) }  // closes any kind of identifier; a deinit cannot report the status
}

/// Throws libhdf5's own words when a call that returns a status or a count failed.
func checkHDF5<Status: SignedInteger>(_ path: String, _ call: String, _ status: Status) throws(FormatError) {
    guard status >= 0 else {
        throw FormatError(path, .library(call: call, detail: HDF5Library.takeErrorMessage()))
    }
}

/// Opens an HDF5 file that lies in memory, without a copy, for as long as `body` runs.
///
/// Reading the map instead of the path means that libhdf5 sees the very bytes that ``HDF5Check`` approved, takes no
/// file lock (which fails on some network disks and while a training run still writes), and that a member of a `.keras`
/// archive is no different from a file.
func withHDF5File<Result: Sendable>(
    _ bytes: Bytes, path: String, _ body: (borrowing HDF5Handle) throws(FormatError) -> Result
) throws(FormatError) -> Result {
    try HDF5Library.withLock { () throws(FormatError) in
        try bytes.withUnsafeBytes { (raw) throws(FormatError) in
            let access = try HDF5Handle(path, "H5Pcreate") { H5Pcreate(CHDF5_fileAccessClass()) }
            try checkHDF5(path, "H5Pset_file_image", CHDF5_useImage(access.id, raw.baseAddress, raw.count))
            // The core driver insists on a name under which nothing exists.
            let file = try HDF5Handle(path, "H5Fopen") {
                H5Fopen("/dev/null/image", CHDF5_accessReadOnly(), access.id)
            }
            return try body(file)
        }
    }
}
