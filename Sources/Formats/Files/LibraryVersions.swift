// The versions of the C libraries that read and write files.

import CDeflate
import CHDF5
import CPNG

/// What is linked in, for people who look for the cause of something.
public enum LibraryVersions {
    /// Names and versions, as loaded where the library tells, else as compiled against.
    public static var all: [(name: String, version: String)] {
        var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
        H5get_libversion(&major, &minor, &release)
        let png = Int(CPNG_version())
        return [
            ("HDF5", "\(major).\(minor).\(release)"),
            ("libpng", "\(png / 10_000).\(png / 100 % 100).\(png % 100)"),
            ("libdeflate", LIBDEFLATE_VERSION_STRING),
        ]
    }
}
