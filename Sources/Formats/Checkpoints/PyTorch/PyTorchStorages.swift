// Where a PyTorch file keeps the bytes of its storages.

/// The storages of a file by key.
enum PyTorchStorages: Sendable {
    /// Members `<folder>data/<key>` of a zip archive.
    case zip(ZipArchive, folder: String)
    /// Pieces of a legacy stream.
    case legacy([String: Bytes])

    /// The size of a storage; nil when the file has none of that key.
    func byteCount(of key: String) -> Int? {
        switch self {
        case .zip(let archive, let folder): archive["\(folder)data/\(key)"]?.size
        case .legacy(let pieces): pieces[key]?.count
        }
    }

    /// The bytes of a storage.
    func bytes(of key: String) throws(FormatError) -> Bytes? {
        switch self {
        case .zip(let archive, let folder): try archive.contents(named: "\(folder)data/\(key)")
        case .legacy(let pieces): pieces[key]
        }
    }

    /// The sizes of all storages.
    var byteCounts: [String: Int] {
        switch self {
        case .zip(let archive, let folder):
            let prefix = "\(folder)data/"
            return Dictionary(
                archive.members.filter { $0.name.hasPrefix(prefix) }
                    .map { (String($0.name.dropFirst(prefix.count)), $0.size) },
                uniquingKeysWith: { first, _ in first })
        case .legacy(let pieces): return pieces.mapValues(\.count)
        }
    }
}
