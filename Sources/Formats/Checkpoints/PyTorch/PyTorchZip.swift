// The zip container of torch.save (PyTorch 1.6 and later) and of TorchScript
// (caffe2/serialize/inline_container.h): `<folder>/data.pkl` and storages `<folder>/data/<key>`.

extension PyTorchCheckpoint {
    /// The name of the pickle in an archive that torch.save or torch.jit.save wrote; nil in other archives.
    ///
    /// PyTorch itself insists on exactly one folder; here the shallowest `data.pkl` is taken.
    static func pickleName(in archive: ZipArchive) -> String? {
        archive.members.map(\.name).filter { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }
            .min { $0.split(separator: "/").count < $1.split(separator: "/").count }
    }

    /// Opens an archive whose pickle has been found.
    ///
    /// - Throws: ``FormatError`` with `.invalid` for a damaged pickle, an unknown byte order, or tensors that do not
    ///   fit their storages; `.unsupported` for versions above 10.
    init(path: String, archive: ZipArchive, pickle: String) throws(FormatError) {
        let folder = String(pickle.dropLast("data.pkl".count))
        var warnings: [String] = []
        try Self.checkVersion(of: archive, folder: folder, warnings: &warnings)
        let isBigEndian = try Self.isBigEndian(archive, folder: folder)
        guard let data = try archive.contents(named: pickle) else {
            throw FormatError(path, .invalid(section: "zip archive", expected: "'\(pickle)'", found: "none"))
        }
        let graph = try PickleMachine.parse(data, path: path, section: pickle)
        let isScript = archive["\(folder)constants.pkl"] != nil
        if isScript {
            warnings.append("this is a TorchScript program: its tensors were read, its code was not")
            if archive.members.contains(where: { $0.name.hasPrefix("\(folder)constants/") }) {
                warnings.append(
                    "its constants were not read: if it was frozen, save the state_dict of the module it was made from")
            }
        }
        try self.init(
            path: path, format: isScript ? "TorchScript zip" : "PyTorch zip", section: pickle, graph: graph,
            storages: .zip(archive, folder: folder), isBigEndian: isBigEndian,
            beside: try archive.contents(named: folder + CheckpointDraft.metadataEntry), warnings: warnings)
    }

    /// Refuses versions to come; a missing one is only worth a remark, since nothing depends on it.
    private static func checkVersion(
        of archive: ZipArchive, folder: String, warnings: inout [String]
    ) throws(FormatError) {
        guard let member = try archive.contents(named: "\(folder)version") else {
            warnings.append("it has no 'version' entry; PyTorch itself would refuse the file")
            return
        }
        let text = (member.slice(0, min(member.count, 32)) ?? member).utf8 ?? ""
        let digits = text.prefix { $0.isNumber }
        guard let version = Int(digits), version >= 1 else {
            throw FormatError(
                archive.path,
                .invalid(section: "\(folder)version", expected: "a number", found: "'\(printable(text))'"))
        }
        guard version <= 10 else {
            throw FormatError(
                archive.path,
                .unsupported(
                    feature: "version \(version) of the PyTorch zip format", advice: "save it again as safetensors"))
        }
    }

    /// Files without a byte order are little-endian.
    private static func isBigEndian(_ archive: ZipArchive, folder: String) throws(FormatError) -> Bool {
        guard let member = try archive.contents(named: "\(folder)byteorder") else { return false }
        switch member.utf8 {
        case "little": return false
        case "big": return true
        default:
            let text = (member.slice(0, min(member.count, 32)) ?? member).utf8 ?? "bytes"
            throw FormatError(
                archive.path,
                .invalid(
                    section: "\(folder)byteorder", expected: "'little' or 'big'", found: "'\(printable(text))'"))
        }
    }
}
