// Recognising files by content, and what opening the wrong one says.

import Testing
import TestSupport

@testable import Formats

@Suite struct FileKindTests {
    @Test(
        arguments: [
            ("", .empty, "this is an empty file, not weights; the download or copy was interrupted; fetch it again"),
            (
                "\n <!DOCTYPE html><html>", .html,
                "this is a web page, not weights; the download failed and saved the server's answer; fetch it again"
            ),
            (
                "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
                .xml(message: "Access Denied"),
                "this is XML that says \"Access Denied\", not weights; the download failed and saved the server's answer; "
                    + "fetch it again"
            ),
            (
                "{\"error\": \"Repository not found\"}", .json(message: "Repository not found"),
                "this is JSON that says \"Repository not found\", not weights; give the weights themselves; if this came "
                    + "from a download, it failed"
            ),
            (
                "{\"error\": {\"message\": \"no\\u001b[2J\"}}", .json(message: "no\\u{1b}[2J"),
                "this is JSON that says \"no\\u{1b}[2J\", not weights; give the weights themselves; if this came from a "
                    + "download, it failed"
            ),
            (
                "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 102400\n",
                .gitLFSPointer(byteCount: 102_400),
                "this is a git-lfs pointer to a file of 102400 bytes, not weights; run 'git lfs pull' to fetch the file itself"
            ),
            (
                "Not Found", .text,
                "this is a text file, not weights; if the file is complete, convert it to safetensors where it was made"
            ),
            (
                "%PDF-1.4", .other("a PDF document"),
                "this is a PDF document, not weights; give a checkpoint: safetensors, PyTorch, Keras, NumPy or ONNX"
            ),
        ] as [(String, FileKind, String)])
    func textThatIsNoCheckpointIsExplained(text: String, kind: FileKind, expected: String) {
        #expect(FileKind(Bytes(copying: Array(text.utf8))) == kind)
        #expect(message { try openCheckpoint(Array(text.utf8)) } == "m.pt: \(expected)")
    }

    private static func volume(_ size: Int32, _ magic: String, at offset: Int, isBigEndian: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: isBigEndian ? size.byteSwapped : size)
        bytes += [UInt8](repeating: 0, count: 600 - bytes.count)
        return bytes.patched(offset, Array(magic.utf8))
    }

    @Test(
        arguments: [
            (volume(348, "n+1\0", at: 344), .nifti1(isPair: false)),
            (volume(348, "ni1\0", at: 344), .nifti1(isPair: true)),
            (volume(348, "n+1\0", at: 344, isBigEndian: true), .nifti1(isPair: false)),
            (volume(348, "\0", at: 344), .nifti1(isPair: true)), (volume(7, "n+1\0", at: 344), .nifti1(isPair: false)),
            (volume(540, "n+2\0", at: 4), .nifti2(isPair: false)), (volume(540, "ni2\0", at: 4), .nifti2(isPair: true)),
            ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0], .png), (NumPyHeader.magic + [1, 0], .npy),
            ([UInt8](repeating: 0, count: 512) + [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], .hdf5(offset: 512)),
            ([UInt8](repeating: 0, count: 1000), .zeros), ([0x80, 2, 0x7D, 0x2E], .pickle),
            ([0xFF, 0xD8, 0xFF, 0xE0], .other("a JPEG image")), ([3, 1, 4, 1, 5, 0], .unknown),
            (zipBytes([("a.npy", []), ("b/c.npy", [])]), .npz), (zipBytes([("a.txt", [])]), .zip),
            (zipBytes([("config.json", []), ("model.weights.h5", [])]), .kerasArchive),
            (zipBytes([("m/data.pkl", [])]), .pytorchZip(isScript: false)),
            (zipBytes([("m/data.pkl", []), ("m/constants.pkl", [])]), .pytorchZip(isScript: true)),
            ([0x50, 0x4B, 3, 4, 9, 9], .zip), (Array("{\"weight_map\": {}}".utf8), .shardIndex),
            (hex("1f8b08000000000002ff4b4c4a0600c241243503000000"), .gzip(.text)), ([0x1F, 0x8B, 0], .gzip(.unknown)),
        ] as [([UInt8], FileKind)])
    func binaryKindsAreRecognised(bytes: [UInt8], kind: FileKind) {
        #expect(FileKind(Bytes(copying: bytes)) == kind)
    }

    @Test(
        arguments: [
            ("z.nii.gz", .gzip(.nifti1(isPair: false))), ("w2.nii", .nifti2(isPair: false)),
            ("wp.hdr", .nifti1(isPair: true)),
            ("k3.keras", .kerasArchive), ("k3.weights.h5", .hdf5(offset: 0)), ("k3sh.weights.json", .shardIndex),
            ("mod.pt", .pytorchZip(isScript: false)), ("ts.pt", .pytorchZip(isScript: true)),
            ("leg.pth", .pytorchLegacy),
            ("a.npz", .npz), ("sh/model.safetensors.index.json", .shardIndex),
        ] as [(String, FileKind)])
    func realFilesAreRecognised(name: String, kind: FileKind) throws {
        let folders = [TestData.fixtures + "/formats", TestData.shared.map { $0 + "/formats" }].compactMap { $0 }
        let found = folders.lazy.compactMap { try? FileKind.sniff("\($0)/\(name)") }.first
        guard found != nil || TestData.shared != nil else { return }
        #expect(found == kind)
    }

    @Test func volumesAndImagesAreSentToTheRightPlace() {
        #expect(
            message { try openCheckpoint(Self.volume(348, "n+1\0", at: 344)) }
                == "m.pt: this is a NIfTI-1 volume, not weights; give it as a target image instead")
    }

    @Test func barePicklesAreRefusedWithTheirNames() {
        #expect(
            message { try openCheckpoint(Made.pickle(Made.call("sklearn.svm", "SVC"))) }
                == "m.pt: a Python pickle that torch.save did not write (it names sklearn.svm.SVC) is not supported; load "
                + "it where you trust it and save its tensors with torch.save or safetensors")
    }

    @Test func oldTarCheckpointsAreRefusedWithAdvice() {
        let bytes = [UInt8](repeating: 0x61, count: 257) + Array("ustar".utf8)
        #expect(
            message { try openCheckpoint(bytes) }
                == "m.pt: this is a tar archive, not weights; unpack it; if torch.save "
                + "wrote it before 0.1.10, load and save it again in PyTorch")
    }

    @Test func aMissingFileAndAFolderAreSystemErrors() throws {
        #expect(
            message { try Checkpoint.open("/nowhere/x.pt") } == "/nowhere/x.pt: cannot open: No such file or directory")
        try withTemporaryFolder { folder in
            #expect(message { try Checkpoint.open(folder) } == "\(folder): cannot read: it is a folder")
        }
    }
}
