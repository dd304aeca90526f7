// What befalls a watch: full disks, folders that nobody may write to, clocks that jump, files cut short while they are read.

import FoundationEssentials
import Glibc
import TestSupport
import Testing

@Suite struct WatchTroubles {
    private let folder: WatchFolder

    init() throws { folder = try WatchFolder() }

    /// As on a full disk every write beyond a size fails: the cache's small files are written, the report is not.
    @Test func aDiskThatIsFullIsToldOnceAndTheWatchGoesOn() throws {
        try folder.put(Array(WatchFolder.names.prefix(3)))
        let run = try Running(
            folder.arguments("watch", out: "a", ["--once", "--patience", "0"]), wrapper: "ulimit -f 16; exec \"$@\""
        ).finish()
        #expect(run.code == 0)
        #expect(run.errors.contains("/report.html: cannot write: File too large; make room there"))
        #expect(run.errors.split(separator: "\n").count { $0.contains("the watch goes on") } == 1)
        #expect(run.output.contains("Recommendation"))
        #expect(!folder.contents.contains { $0.contains(".tmp-") })
        // With room again everything is there without any work done twice.
        let again = try Running(folder.arguments("watch", out: "a", ["--once", "--patience", "0", "--json"])).finish()
        #expect(again.code == 0)
        #expect(again.output.split(separator: "\n").count { $0.contains("\"cached\":true") } == 3)
        #expect(try Running(folder.arguments("score", out: "b")).finish().code == 0)
        #expect(try folder.table("a") == folder.table("b"))
    }

    /// The superuser may write everywhere, so the watch runs as somebody else.
    @Test(.enabled(if: Self.canBecomeNobody, "needs the superuser and setpriv"))
    func aFolderThatBecomesReadOnlyIsToldAndNothingIsLost() throws {
        let out = folder.path + "/a", cache = folder.path + "/cache-watch"
        for made in [out, cache] {
            try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: true)
        }
        for open in [folder.path, folder.runs, out, cache] { chmod(open, 0o777) }
        try folder.put([WatchFolder.names[0]])
        let running = try Running(
            folder.arguments("watch", out: "a", ["--patience", "1", "--confidence", "0.999999"]),
            wrapper: "exec \(Self.asNobody) \"$@\"")
        folder.waitUntil { folder.contents.contains("a/scores.json") }
        for closed in [folder.runs, out] { chmod(closed, 0o555) }
        for name in WatchFolder.names.dropFirst() {
            try folder.put([name])
            usleep(50_000)
        }
        let run = try running.finish()
        #expect(run.code == 3)
        #expect(run.errors.contains("\(out)/"))
        #expect(run.errors.contains("Permission denied; the watch goes on, and tries again after the next checkpoint"))
        #expect(run.errors.contains("the STOP file could not be written: \(folder.runs)/STOP"))
        for reopened in [folder.runs, out] { chmod(reopened, 0o777) }
        let again = try Running(
            folder.arguments("watch", out: "a", ["--once", "--patience", "0"]), wrapper: "exec \(Self.asNobody) \"$@\""
        ).finish()
        #expect(again.code == 0)
        #expect(try Running(folder.arguments("score", out: "b")).finish().code == 0)
        #expect(try folder.table("a") == folder.table("b"))
    }

    /// Times of files are only compared with each other for equality: those of the far future, of the past and of a clock
    /// that was set back are as good as any.
    @Test func clocksThatJumpChangeNothing() throws {
        let running = try Running(folder.arguments("watch", out: "a", ["--patience", "0", "--json"]))
        for (name, year) in zip(WatchFolder.names, [2106, 1971, 2030, 1999, 2026]) {
            try folder.put([name])
            let seconds = (year - 1970) * 31_556_952
            var times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
            try #require(utimensat(AT_FDCWD, "\(folder.runs)/\(name)", &times, 0) == 0)
            folder.waitUntil { (try? folder.table("a").contains(name)) == true }
        }
        running.signal(SIGINT)
        let run = try running.finish()
        #expect(run.code == 130)
        // A time that was changed while the file was looked at makes it new, and the cache knows it: nothing is scored twice.
        let work = run.output.split(separator: "\n").count { $0.contains("\"cached\":false") }
        #expect(work == WatchFolder.names.count)
        #expect(try Running(folder.arguments("score", out: "b")).finish().code == 0)
        #expect(try folder.table("a") == folder.table("b"))
    }

    /// The kernel sends SIGBUS when a mapped file is cut short while it is read.
    @Test func aFileCutShortWhileItIsReadMakesTheWatchStartAgainFromWhatIsKept() throws {
        try folder.put([WatchFolder.names[0]])
        let running = try Running(folder.arguments("watch", out: "a", ["--patience", "0"]))
        folder.waitUntil { folder.contents.contains("a/scores.json") }
        running.signal(SIGBUS)
        try folder.put([WatchFolder.names[1]])
        folder.waitUntil { (try? folder.table("a").contains(WatchFolder.names[1])) == true }
        running.signal(SIGINT)
        let run = try running.finish()
        #expect(run.code == 130)
        #expect(run.errors.contains("it was cut short while it was read; starting again from what is kept"))
        #expect(run.errors.components(separatedBy: "Watching \(folder.runs)").count == 3)
        #expect(run.errors.contains("stopped; the scores of 2 checkpoints are kept"))
    }

    // MARK: Somebody else

    private static let asNobody = "setpriv --reuid 65534 --regid 65534 --clear-groups"

    private static var canBecomeNobody: Bool {
        guard getuid() == 0, FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv") else { return false }
        // The tool may lie in a folder that others may not enter.
        let run = try? Running(["--version"], wrapper: "exec \(asNobody) \"$@\"").finish()
        return run?.code == 0
    }
}
