// What the command says of bad files: one line with the file, the place, what was found and what to do; exit code 1.

import FoundationEssentials
import Formats
import Testing
import TestSupport

/// A damaged file and the message it must give.
struct BadFile: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: @Sendable () throws -> [UInt8]
    /// The message after "ripe: FOLDER/NAME: ".
    let message: String
    var testDescription: String { name }
}

/// A safetensors file with this header and data.
private func safetensors(_ header: String, dataCount: Int = 0) -> [UInt8] {
    let text = Array(header.utf8)
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
        + [UInt8](repeating: 0, count: dataCount)
}

/// A zip with one deflated member of zero bytes that claims to inflate to `size`.
private func zipClaiming(_ size: UInt32, of name: String, compressed: UInt32) -> [UInt8] {
    func bytes(_ value: UInt32, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) } }
    let nameBytes = Array(name.utf8)
    // Version, flags, method 8, time, date, checksum, sizes, lengths of name and extra field.
    let facts =
        bytes(20, 2) + bytes(0, 2) + bytes(8, 2) + bytes(0, 4) + bytes(0, 4) + bytes(compressed, 4) + bytes(size, 4)
        + bytes(UInt32(nameBytes.count), 2) + bytes(0, 2)
    let local = bytes(0x0403_4B50, 4) + facts + nameBytes
    let member = local + [UInt8](repeating: 0, count: Int(compressed))
    let directory = bytes(0x0201_4B50, 4) + bytes(20, 2) + facts + [UInt8](repeating: 0, count: 14) + nameBytes
    let end =
        bytes(0x0605_4B50, 4) + bytes(0, 4) + bytes(1, 2) + bytes(1, 2) + bytes(UInt32(directory.count), 4)
        + bytes(UInt32(member.count), 4) + bytes(0, 2)
    return member + directory + end
}

/// A real checkpoint's bytes.
private func realCheckpoint() throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: "\(TestData.fixtures)/checkpoints/pytorch/model_state_dict_epoch_3.pt")))
}

private let badFiles = [
    BadFile(
        name: "empty.pt", bytes: { [] },
        message: "this is an empty file, not weights; the download or copy was interrupted; fetch it again"),
    BadFile(
        name: "cut.pt", bytes: { Array(try realCheckpoint().prefix(700_000)) },
        message: "zip archive: expected a directory at its end, found none in 700000 bytes: the file is cut short; "
            + "download or copy it again"),
    BadFile(
        name: "page.pt", bytes: { Array("<!DOCTYPE html><html><body>404</body></html>".utf8) },
        message: "this is a web page, not weights; the download failed and saved the server's answer; fetch it again"),
    BadFile(
        name: "answer.pt", bytes: { Array(#"{"error":"Repository not found"}"#.utf8) },
        message:
            "this is JSON that says \"Repository not found\", not weights; give the weights themselves; if this came "
            + "from a download, it failed"),
    BadFile(
        name: "pointer.ckpt",
        bytes: { Array("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1386985\n".utf8) },
        message:
            "this is a git-lfs pointer to a file of 1386985 bytes, not weights; run 'git lfs pull' to fetch the file "
            + "itself"),
    BadFile(
        name: "terabytes.safetensors",
        bytes: { safetensors(#"{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#) },
        message: "tensor data at byte 86 is cut short: 4398046511104 bytes expected, 0 found; copy or download the "
            + "file again"),
    BadFile(
        name: "header.safetensors", bytes: { [0, 0, 0, 0, 0, 1, 0, 0] + Array(#"{"a":1}"#.utf8) },
        message: "the header size is 1099511627776, more than the limit of 100000000 bytes"),
    BadFile(
        name: "overlap.safetensors",
        bytes: {
            safetensors(
                #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
                dataCount: 12)
        },
        message: "tensor 'b': expected data from 8 on, where the one before ends, found data from 4 on: an overlap; "
            + "save the file anew, or copy it again"),
    BadFile(
        name: "noise.pt", bytes: { (0..<5000).map { UInt8($0 * 97 % 251) } },
        message:
            "this is a file of unknown content, not weights; if the file is complete, convert it to safetensors where "
            + "it was made"),
]

@Suite struct BadInput {
    @Test(arguments: badFiles)
    func aBadFileIsOneLineAndCode1(file: BadFile) throws {
        let folder = try TemporaryFolder()
        let path = try folder.file(file.name, try file.bytes())
        let run = try ripe("inspect", path)
        #expect(run.errors == "ripe: \(path): \(file.message)\n")
        #expect(run.code == 1)
        #expect(run.output == "")
    }

    @Test func aWrongExtensionDoesNotMatter() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("really_a_zip.h5", try realCheckpoint())
        let run = try ripe("inspect", path)
        #expect(run.code == 0)
        #expect(run.output.contains("PyTorch zip"))
    }

    @Test func aMissingFileAndAFolderAreNamed() throws {
        let folder = try TemporaryFolder()
        #expect(
            try ripe("inspect", folder.path + "/no.pt").errors
                == "ripe: \(folder.path)/no.pt: cannot open: No such file or directory\n")
        #expect(try ripe("inspect", folder.path).errors == "ripe: \(folder.path): cannot read: it is a folder\n")
    }

    @Test func namesOutOfFilesCannotDriveTheTerminal() throws {
        let folder = try TemporaryFolder()
        let hostile = "a\u{1B}[31m\nb"
        let zip = try folder.file("named.pt", zipClaiming(1_000_000_000, of: hostile, compressed: 1_000_000))
        let errors = try ripe("inspect", zip).errors
        #expect(errors.contains(#"a\u{1b}[31m\nb"#))
        #expect(errors.unicodeScalars.filter { $0.properties.generalCategory == .control } == ["\n"])
        let file = try folder.file(hostile + ".pt", [])
        #expect(
            try ripe("inspect", file).errors.hasPrefix(#"ripe: \#(folder.path)/a\u{1b}[31m\nb.pt: this is an empty"#))
        let header = "{\"a\\u001b[2Jb\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
        let tensors = try ripe("inspect", folder.file("t.safetensors", safetensors(header, dataCount: 4)))
        #expect(tensors.code == 0)
        #expect(tensors.output.contains(#"a\u{1b}[2Jb"#) && !tensors.output.contains("\u{1B}"))
    }

    @Test func aZipBombIsRefusedBeforeItIsInflated() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("bomb.pt", zipClaiming(1_000_000_000, of: "archive/data.pkl", compressed: 1_000_000))
        let run = try ripe("inspect", path)
        #expect(run.code == 1)
        #expect(
            run.errors
                == "ripe: \(path): zip member 'archive/data.pkl': its compression ratio is 1000:1, more than the limit "
                + "of 200:1 (a zip bomb?); save it uncompressed if it is genuine\n")
    }

    @Test func filesWithoutANetworkAreNotAskedForItsName() throws {
        let folder = try TemporaryFolder()
        let array = folder.path + "/images.npy"
        try NumPy.write(TensorView(floats: [Float](repeating: 0.5, count: 12), shape: [1, 3, 2, 2]), to: array)
        let empty = try folder.file("empty.safetensors", [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8))
        let out = folder.path + "/f.npz"
        #expect(
            try ripe("features", array, "--input", array, "--out", out).errors
                == "ripe: \(array): one array of numbers is no network; give images with --target or --input, weights as "
                + ".npz with names\n")
        #expect(
            try ripe("features", empty, "--input", array, "--out", out).errors
                == "ripe: \(empty): the file holds no tensors of a model; give the file that the weights were saved to\n"
        )
    }
}
