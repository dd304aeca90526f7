// Reading an HDF5 file's tree once: groups with their text attributes, data sets with type, shape and place. Only hard
// links are followed, so nothing outside this file is ever opened; values stay where they are.

import CHDF5

/// What an HDF5 file holds.
struct HDF5Contents: Sendable {
    /// Text attributes of every group, by path: "" is the root, others have no leading slash.
    private(set) var groups: [String: [String: HDF5Text]] = [:]
    /// The data sets that can be tensors, groups before their siblings' members, names in byte order.
    private(set) var dataSets: [HDF5DataSet] = []
    /// What was left out and why, for the user.
    private(set) var notes: [String] = []

    /// Reads the tree of a file.
    ///
    /// - Throws: ``FormatError``; see ``HDF5Check``, plus `.library` for what libhdf5 itself refuses and
    ///   `.limitExceeded` for trees deeper than 64 groups or with more than 250,000 links.
    init(path: String, bytes: Bytes) throws(FormatError) {
        let check = try HDF5Check(path: path, bytes: bytes)
        self = try withHDF5File(bytes, path: path) { (file) throws(FormatError) in
            var walk = HDF5Walk(path: path, check: check)
            let root = try HDF5Handle(path, "H5Gopen2") { H5Gopen2(file.id, "/", hid_t(H5P_DEFAULT)) }
            try walk.visitGroup(root, name: "", depth: 0)
            return walk.contents
        }
    }

    /// Contents that were not read from a file: what a file will hold once it is written.
    init(groups: [String: [String: HDF5Text]] = [:], dataSets: [HDF5DataSet] = []) {
        self.groups = groups
        self.dataSets = dataSets
    }

    /// The walk that fills the contents.
    private struct HDF5Walk {
        static let greatestDepth = 64
        static let mostLinks = 250_000

        let path: String
        var check: HDF5Check
        var contents = HDF5Contents()
        private var linkCount = 0
        /// Paths of the objects seen, by address.
        private var seen: [UInt64: String] = [:]

        init(path: String, check: HDF5Check) {
            self.path = path
            self.check = check
            seen[check.superblock.rootAddress] = ""
        }

        mutating func visitGroup(_ group: borrowing HDF5Handle, name: String, depth: Int) throws(FormatError) {
            guard depth < Self.greatestDepth else {
                throw FormatError(
                    path,
                    .limitExceeded(
                        what: "HDF5 group '\(name)': its depth", claimed: "more", limit: "\(Self.greatestDepth)"))
            }
            contents.groups[name] = try hdf5Texts(of: group, path: path, name: name)
            for link in try links(of: group, name: name) {
                let linkName = name.isEmpty ? link.name : "\(name)/\(link.name)"
                guard link.kind == 0 else {
                    let kind = link.kind == 1 ? "a soft link" : "a link to another file"
                    contents.notes.append("'\(linkName)' is \(kind), which is not followed")
                    continue
                }
                try visitObject(link, of: group, name: linkName, depth: depth)
            }
        }

        private mutating func visitObject(
            _ link: HDF5Link, of group: borrowing HDF5Handle, name: String, depth: Int
        ) throws(FormatError) {
            try check.checkObject(at: link.address, name: name)
            let object = try HDF5Handle(path, "H5Oopen('\(name)')") {
                H5Oopen(group.id, link.name, hid_t(H5P_DEFAULT))
            }
            let earlier = seen[link.address]
            if earlier == nil { seen[link.address] = name }
            switch H5Iget_type(object.id) {
            case H5I_GROUP:
                if let earlier {
                    contents.notes.append("'\(name)' is group '\(earlier)' again")
                } else {
                    try visitGroup(object, name: name, depth: depth + 1)
                }
            case H5I_DATASET:
                switch try HDF5DataSet.describe(object, path: path, name: name, storageName: earlier ?? name) {
                case .tensor(let dataSet):
                    try dataSet.checkPlace(fileSize: check.bytes.count, path: path)
                    contents.dataSets.append(dataSet)
                case .other(let what): contents.notes.append("'\(name)' holds \(what), which is no tensor")
                }
            default: contents.notes.append("'\(name)' is neither a group nor a data set")
            }
        }

        private mutating func links(of group: borrowing HDF5Handle, name: String) throws(FormatError) -> [HDF5Link] {
            var collector = HDF5LinkCollector(room: Self.mostLinks - linkCount)
            let status = withUnsafeMutablePointer(to: &collector) { collector in
                CHDF5_iterateLinks(
                    group.id,
                    { name, kind, address, context in
                        guard let name, let context else { return -1 }
                        let collector = context.assumingMemoryBound(to: HDF5LinkCollector.self)
                        return collector.pointee.add(String(cString: name), kind: Int(kind), address: address)
                    }, collector)
            }
            guard !collector.isFull else {
                _ = HDF5Library.takeErrorMessage()
                throw FormatError(
                    path, .limitExceeded(what: "HDF5 link count", claimed: "more", limit: "\(Self.mostLinks)"))
            }
            try checkHDF5(path, "H5Literate('\(name)')", status)
            linkCount += collector.links.count
            return collector.links.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        }
    }
}

/// One link of a group.
private struct HDF5Link {
    let name: String
    /// 0 hard, 1 soft, 64 external.
    let kind: Int
    let address: UInt64
}

/// Gathers links up to a bound.
private struct HDF5LinkCollector {
    let room: Int
    var links: [HDF5Link] = []
    var isFull = false

    mutating func add(_ name: String, kind: Int, address: UInt64) -> Int32 {
        guard links.count < room else {
            isFull = true
            return -1
        }
        links.append(HDF5Link(name: name, kind: kind, address: address))
        return 0
    }
}
