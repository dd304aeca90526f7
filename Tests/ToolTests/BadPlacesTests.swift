// Files that are no files, places that cannot be read or written, and images that are none: a line each, no hang, nothing
// half written.

import FoundationEssentials
import Formats
import Glibc
import TestSupport
import Testing

@Suite struct BadPlaces {
    private let folder: TemporaryFolder
    private let checkpoints = "\(TestData.fixtures)/checkpoints/lightning"
    private let target = "\(TestData.fixtures)/target"

    init() throws { folder = try TemporaryFolder() }

    private func score(_ more: String..., checkpoints: String? = nil, target: String? = nil) throws -> Finished {
        try Running(
            [
                "score", checkpoints ?? self.checkpoints, "--target", target ?? self.target, "--image-size", "32",
                "--draws", "1", "--no-cache",
            ] + more
        ).finish(within: 60)
    }

    private var checkpoint: String { checkpoints + "/epoch=5-step=426.ckpt" }

    // MARK: Files that are no files

    @Test func aPipeIsRefusedWithoutWaitingForAWriter() throws {
        let pipe = folder.path + "/pipe.pt"
        try #require(mkfifo(pipe, 0o600) == 0)
        let run = try Running(["inspect", pipe]).finish(within: 20)
        #expect(run.errors == "ripe: \(pipe): cannot read: it is not a regular file\n")
        #expect(run.code == 1)
        #expect(try score(target: pipe).errors.contains("\(pipe): "))
    }

    @Test func aDanglingLinkIsNamedAndTheRestIsScored() throws {
        try #require(symlink(checkpoint, folder.path + "/epoch_5.ckpt") == 0)
        try #require(symlink("/nowhere/x.ckpt", folder.path + "/epoch_6.ckpt") == 0)
        let run = try score(checkpoints: folder.path)
        #expect(run.output.contains("epoch_5.ckpt"))
        let named = try ripe("inspect", folder.path + "/epoch_6.ckpt")
        #expect(named.errors == "ripe: \(folder.path)/epoch_6.ckpt: cannot open: No such file or directory\n")
    }

    @Test(.enabled(if: geteuid() != 0, "root may read everything"))
    func aFileWithoutPermissionIsNamed() throws {
        let path = try folder.file("epoch_1.pt", [1, 2, 3])
        try #require(chmod(path, 0) == 0)
        let run = try ripe("inspect", path)
        #expect(run.errors == "ripe: \(path): cannot open: Permission denied\n")
        #expect(run.code == 1)
    }

    // MARK: Images that are none

    @Test(arguments: [
        (
            "page.nii.gz", "<!DOCTYPE html><html></html>",
            "this is a web page, not an image; the download failed and saved the "
                + "server's answer; fetch it again"
        ),
        (
            "pointer.png", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
            "this is a git-lfs pointer to a file of 3 bytes, not an image; run 'git lfs pull' to fetch the file itself"
        ),
        ("empty.nii", "", "this is an empty file, not an image; the download or copy was interrupted; fetch it again"),
        ("photo.png", "\u{FF}", "this is a JPEG image; images are read from NIfTI, PNG and .npy files; convert it"),
    ])
    func aTargetThatIsNoImageSaysWhatItIs(name: String, text: String, message: String) throws {
        let bytes = name == "photo.png" ? [0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0, 0] : Array(text.utf8)
        let path = try folder.file(name, bytes)
        let run = try score(target: path)
        #expect(run.errors.hasSuffix("ripe: \(path): \(message)\n"))
        #expect(run.code == 1)
        #expect(run.output == "")
    }

    @Test func oneImageIsTooFew() throws {
        let path = folder.path + "/one.npy"
        try NumPy.write(TensorView(floats: (0..<256).map { Float($0) / 256 }, shape: [1, 16, 16]), to: path)
        let run = try score(target: path)
        #expect(
            run.errors.hasSuffix(
                "ripe: the target: the score compares images with each other and needs at least 2, found 1\n"))
        #expect(run.code == 1)
    }

    @Test func viewsThatAreNotNumbersAreRefused() throws {
        let path = folder.path + "/views.npy"
        var values = [Float](repeating: 0.5, count: 2 * 2 * 16 * 16)
        values[700] = .infinity
        try NumPy.write(TensorView(floats: values, shape: [2, 2, 1, 16, 16]), to: path)
        let run = try ripe("score", checkpoints, "--views", path, "--no-cache")
        #expect(run.errors.hasSuffix("views: expected finite numbers, found inf in image 1\n"))
        #expect(run.code == 1)
        try NumPy.write(TensorView(floats: Array(values[256...]), shape: [3, 16, 16]), to: path)
        let features = try ripe("features", checkpoint, "--input", path, "--out", folder.path + "/f.npz")
        #expect(features.errors.contains("expected finite numbers, found inf in image 2; "))
        #expect(features.code == 1)
    }

    // MARK: Networks that are dead

    @Test func impossibleVariancesAndDeadNetworksAreLeftOutByName() throws {
        let source = try Checkpoint.open(checkpoint)
        let norm = try #require(source.tensors.first { $0.name.hasSuffix("running_var") }).name
        let damaged = try safetensorsBytes(of: source) { name, values in if name == norm { values[0] = -5 } }
        let dead = try safetensorsBytes(of: source) { name, values in
            if !name.hasSuffix("running_var") { for index in values.indices { values[index] = 0 } }
        }
        _ = try folder.file("epoch_1.safetensors", damaged)
        _ = try folder.file("epoch_2.safetensors", dead)
        let run = try score("--json", checkpoints: folder.path)
        #expect(run.code == 1)
        #expect(run.errors.contains("running_var' holds 1 variances below zero; the checkpoint is damaged"))
        #expect(run.errors.contains("epoch_2.safetensors: none of its scores is a number: "))
    }

    // MARK: Places that cannot be written

    @Test func anOutFolderThatIsAFileIsToldBeforeTheWork() throws {
        let file = try folder.file("results", [1])
        let run = try score("--out", file)
        #expect(run.errors == "ripe: --out \(file): a file is in the way; name a folder\n")
        #expect(run.code == 1)
        #expect(run.output == "")
    }

    @Test func aDiskThatFillsUpKeepsTheTableAndLeavesNoPartOfTheResults() throws {
        let out = folder.path + "/out"
        let run = try Running(
            [
                "score", checkpoints, "--target", target, "--image-size", "32", "--draws", "1", "--no-cache", "--out",
                out,
            ], wrapper: "ulimit -f 8; \"$@\""
        ).finish(within: 60)
        #expect(run.code == 1)
        #expect(run.output.contains("Recommendation"))
        #expect(run.errors.hasSuffix("cannot write: File too large; make room there or name another place\n"))
        #expect(folder.contents.filter { $0.hasPrefix("out/") } == [])
    }

    // MARK: Ctrl-C

    @Test func ctrlCWhileImagesAreReadStopsWithinACase() throws {
        let images = folder.path + "/images"
        try #require(mkdir(images, 0o700) == 0)
        // Noise, so that reading takes its time in every build.
        let noise = TensorView(
            floats: (0..<4 * 512 * 512).map { Float(($0 * 7919) % 65_521) / 65_521 }, shape: [4, 512, 512])
        let scan = folder.path + "/scan.npy"
        try NumPy.write(noise, to: scan)
        for index in 0..<400 { try #require(symlink(scan, "\(images)/scan_\(index).npy") == 0) }
        let running = try Running(["score", checkpoints, "--target", images, "--no-cache"])
        running.waitForInterruptHandler()
        usleep(300_000)
        running.signal(SIGINT)
        let run = try running.finish(within: 30)
        #expect(run.code == 130)
        #expect(run.errors.contains("ripe: stopped"))
        #expect(run.output == "")
    }
}
