// What readers will make of a plan. Keras' forms name tensors by layers and classes; where that gives another name than
// the tensor has, the data set gets an attribute that says it, so that names survive every form.

extension HDF5DataSet {
    /// A tensor that is about to be written.
    init(_ tensor: DraftTensor, path: String, tensorName: String? = nil) {
        self.init(
            name: path, storageName: path,
            element: HDF5Element(dtype: tensor.dtype, size: tensor.dtype.bitWidth / 8, isBigEndian: false),
            shape: tensor.shape, storage: .compact, tensorName: tensorName)
    }
}

extension HDF5Plan {
    /// What a reader's walk through the file will find.
    private var contents: HDF5Contents {
        var groups: [String: [String: HDF5Text]] = ["": [:]]
        for path in self.groups.map(\.path) + dataSets.map(\.path) {
            for group in Self.ancestors(of: path) { groups[group] = groups[group] ?? [:] }
        }
        for (path, attributes) in self.groups {
            for attribute in attributes {
                switch attribute.value {
                case .text(let text):
                    groups[path, default: [:]][attribute.name] = HDF5Text(strings: [text], isScalar: true)
                case .texts(let texts):
                    groups[path, default: [:]][attribute.name] = HDF5Text(strings: texts, isScalar: false)
                }
            }
            groups[path] = groups[path] ?? [:]
        }
        let dataSets = dataSets.map { dataSet in
            let name = dataSet.attributes.first { $0.name == HDF5DataSet.nameAttribute }
            guard case .text(let text) = name?.value else { return HDF5DataSet(dataSet.tensor, path: dataSet.path) }
            return HDF5DataSet(dataSet.tensor, path: dataSet.path, tensorName: text)
        }
        return HDF5Contents(
            groups: groups, dataSets: dataSets.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) })
    }

    /// Names the tensors that `read` would otherwise give another name.
    mutating func nameTensors(
        _ read: (HDF5Contents) throws(FormatError) -> KerasCheckpoint
    ) throws(FormatError) {
        // A name that is said may free another one that was taken, so it takes a second look.
        for _ in 0..<3 {
            let reader = try read(contents)
            let found = Dictionary(
                (reader.tensors + reader.otherTensors).map { ($0.storage.key, $0.name) }
            ) { first, _ in first }
            var isDone = true
            for index in dataSets.indices {
                let dataSet = dataSets[index]
                guard found[dataSet.path] != dataSet.tensor.name, dataSet.attributes.isEmpty else { continue }
                dataSets[index].attributes = [HDF5Attribute(HDF5DataSet.nameAttribute, dataSet.tensor.name)]
                isDone = false
            }
            if isDone { return }
        }
    }
}
