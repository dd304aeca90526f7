// Files that tests make on the spot: archives, patched bytes, temporary folders.

import FoundationEssentials
import Testing

@testable import Formats

/// A zip archive of stored members.
func zipBytes(_ members: [(name: String, data: [UInt8])]) -> [UInt8] {
    var layout = ZipLayout()
    var bytes: [UInt8] = []
    for member in members {
        bytes += layout.localHeader(name: member.name, data: [Bytes(copying: member.data)]) + member.data
    }
    return bytes + layout.directory()
}

/// Bytes from hexadecimal digits.
func hex(_ digits: String) -> [UInt8] {
    let nibbles = digits.compactMap { $0.hexDigitValue }
    return stride(from: 0, to: nibbles.count - 1, by: 2).map { UInt8(nibbles[$0] << 4 | nibbles[$0 + 1]) }
}

extension [UInt8] {
    /// The bytes with some of them replaced from `offset` on.
    func patched(_ offset: Int, _ replacement: [UInt8]) -> [UInt8] {
        var copy = self
        copy.replaceSubrange(offset..<offset + replacement.count, with: replacement)
        return copy
    }

    /// Where `pattern` first occurs at or after `start`.
    func firstOffset(of pattern: [UInt8], from start: Int = 0) -> Int? {
        guard count >= pattern.count else { return nil }
        return (start...count - pattern.count).first { self[$0..<$0 + pattern.count].elementsEqual(pattern) }
    }
}

/// Calls `body` with a folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    var template = Array("\(FileManager.default.temporaryDirectory.path)/ripe-XXXXXX".utf8CString)
    let folder = try #require(template.withUnsafeMutableBufferPointer { makeFolder($0) })
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
}

/// Writes bytes to a file in `folder` and returns its path.
func write(_ bytes: [UInt8], _ name: String, in folder: String) throws -> String {
    let path = "\(folder)/\(name)"
    var file = try AtomicFile(path)
    try file.write(bytes)
    try file.commit()
    return path
}

/// What the error that `body` throws says of the file; the advice that follows for a person is tested by itself
/// (`FormatErrorTests`).
func message(_ body: () throws -> some Any) -> String {
    do {
        let value = try body()
        return "no error: \(value)"
    } catch let error as FormatError {
        return "\(error.path): \(error.reason.facts)"
    } catch {
        return "\(error)"
    }
}
