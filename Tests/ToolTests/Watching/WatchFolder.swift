// A folder of checkpoints that `ripe watch` is run on.

import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// A folder with `runs`, which is watched, and beside it what watches and scores write.
struct WatchFolder {
    static let pytorch = TestData.fixtures + "/checkpoints/pytorch"
    /// Five checkpoints, in order of training.
    static let names = [0, 1, 3, 5, 8].map { "model_state_dict_epoch_\($0).pt" }

    let folder: TemporaryFolder
    var path: String { folder.path }
    var contents: [String] { folder.contents }
    var runs: String { path + "/runs" }

    init() throws {
        folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/runs", withIntermediateDirectories: true)
    }

    /// The words of `ripe watch` or `ripe score` on the folder, quickly and with a cache of its own.
    func arguments(_ command: String, out: String, _ more: [String] = []) -> [String] {
        [
            command, runs, "--target", TestData.fixtures + "/target", "--image-size", "32", "--draws", "1", "--cache",
            path + "/cache-\(command)", "--out", "\(path)/\(out)", "--threads", "1",
        ] + (command == "watch" ? ["--settle", "0.2", "--poll", "0.3"] : []) + more
    }

    /// Renames copies of checkpoints into the folder.
    func put(_ names: [String]) throws {
        for name in names {
            try FileManager.default.copyItem(atPath: "\(Self.pytorch)/\(name)", toPath: "\(runs)/.\(name)")
            try #require(rename("\(runs)/.\(name)", "\(runs)/\(name)") == 0)
        }
    }

    /// The text of `scores.json` in a folder beside `runs`.
    func table(_ out: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: "\(path)/\(out)/scores.json")), as: UTF8.self)
    }

    /// Waits up to a minute.
    func waitUntil(_ isSo: () -> Bool) {
        let deadline = ContinuousClock.now + .seconds(60)
        while !isSo(), ContinuousClock.now < deadline { usleep(20_000) }
    }
}
