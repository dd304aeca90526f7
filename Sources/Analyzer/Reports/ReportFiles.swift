// Reads a folder of results for the report: bounded, and whatever is damaged is noted and left out.

import Formats
import FoundationEssentials

/// A folder of results, read file by file.
struct ReportFiles {
    /// The most bytes of a table and of a picture that a report takes.
    static let tableLimit = 64 << 20
    static let pictureLimit = 2 << 20

    let folder: String
    /// What could not be read, a sentence each.
    private(set) var notes: [String] = []

    init(_ folder: String) { self.folder = folder }

    /// Whether there is such a file.
    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(name)") }

    /// The content of a JSON file and what is made of it; nil where it is missing or damaged.
    mutating func json<Content>(
        _ name: String, _ parse: (JSON) throws(FormatError) -> Content
    ) -> Content? {
        guard has(name) else { return nil }
        do throws(FormatError) {
            return try parse(try JSON(try bytes(name), path: name, section: "content"))
        } catch {
            note(name, error)
            return nil
        }
    }

    /// The content of a text file and what is made of it; nil where it is missing or damaged.
    mutating func text<Content>(
        _ name: String, _ parse: (String) throws(FormatError) -> Content
    ) -> Content? {
        guard has(name) else { return nil }
        do throws(FormatError) {
            let bytes = try bytes(name)
            return try parse(bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
        } catch {
            note(name, error)
            return nil
        }
    }

    /// The PNG files of a folder in the order of their names, as text that a page can hold.
    mutating func pictures(in name: String, limit: Int) -> [Picture] {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(name)")) ?? [])
            .filter { $0.hasSuffix(".png") }.sorted { naturallyPrecedes($0, $1) }
        if names.count > limit {
            notes.append("\(name): \(names.count) pictures, of which the first \(limit) are shown.")
        }
        return names.prefix(limit).compactMap { picture("\(name)/\($0)") }
    }

    /// A picture within the page.
    struct Picture {
        /// The path within the folder.
        let path: String
        /// The name without folder and ending.
        let name: String
        let width: Int
        let height: Int
        /// The file as a `data:` address.
        let address: String
    }

    private mutating func picture(_ name: String) -> Picture? {
        do throws(FormatError) {
            let bytes = try bytes(name, limit: Self.pictureLimit)
            // Decoded once: a browser must not be handed what our own reader refuses.
            let image = try PNGImage(bytes, path: name, pixelLimit: 1 << 24)
            let encoded = bytes.withUnsafeBytes { Data($0).base64EncodedString() }
            let file = name.split(separator: "/").last.map(String.init) ?? name
            return Picture(
                path: name, name: String(file.dropLast(4)), width: image.width, height: image.height,
                address: "data:image/png;base64,\(encoded)")
        } catch {
            note(name, error)
            return nil
        }
    }

    private func bytes(_ name: String, limit: Int = tableLimit) throws(FormatError) -> Bytes {
        let bytes = try Bytes(mapping: "\(folder)/\(name)")
        guard bytes.count <= limit else {
            throw FormatError(
                name,
                .limitExceeded(what: "its size", claimed: "\(bytes.count) bytes", limit: "\(limit) bytes"))
        }
        return bytes
    }

    private mutating func note(_ name: String, _ error: FormatError) {
        notes.append("\(name) is left out: \(error.reason)")
    }
}
