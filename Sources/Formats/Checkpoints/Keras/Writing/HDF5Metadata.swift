// Metadata in HDF5 files: attributes of the root, one a pair, which h5py shows as `file.attrs`. What an attribute cannot
// be (a NUL byte in a text, a name that means something else, the hundredth of them) goes into one more, as JSON.

extension HDF5Attribute {
    /// The root's attribute that marks a file of data sets by tensor name, whatever the names look like.
    static let layoutKey = "ripe_layout"
    /// The root's attribute with the pairs that can be no attributes themselves.
    static let moreKey = "ripe_metadata"
    /// The most pairs that become attributes; readers find each by walking through all.
    private static let most = 64

    /// Attributes for `pairs`; `reserved` are the names that the form itself uses.
    static func metadata(_ pairs: [(key: String, value: String)], reserved: Set<String>) -> [HDF5Attribute] {
        var attributes: [HDF5Attribute] = []
        var more: [JSON.Member] = []
        var names = reserved.union([layoutKey, moreKey, "layer_names", "weight_names"])
        for (key, value) in pairs {
            let isPlain =
                !key.isEmpty && key.utf8.count <= 255 && !key.utf8.contains(0) && !value.utf8.contains(0)
            if isPlain, attributes.count < most, names.insert(key).inserted {
                attributes.append(HDF5Attribute(key, value))
            } else {
                more.append(JSON.Member(key: key, value: .string(value)))
            }
        }
        if !more.isEmpty { attributes.append(HDF5Attribute(moreKey, JSON.object(more).compactText)) }
        return attributes
    }
}

extension CheckpointMetadata {
    /// Takes the single texts among a root's attributes, by name.
    ///
    /// - Parameter except: names that the file's form itself uses.
    /// - Throws: ``FormatError`` with `.invalid` for a network description that is no JSON.
    mutating func take(
        attributes: [String: HDF5Text], except reserved: Set<String>, path: String
    ) throws(FormatError) {
        let names = attributes.keys.filter { !reserved.contains($0) && $0 != HDF5Attribute.layoutKey }
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) where name != HDF5Attribute.moreKey
        {
            guard let attribute = attributes[name], attribute.isScalar, let text = attribute.strings.first else {
                continue
            }
            try take(name, text, path: path)
        }
        if let more = attributes[HDF5Attribute.moreKey]?.strings.first {
            try take(
                portable: Bytes(copying: Array(more.utf8)), path: path,
                section: "attribute '\(HDF5Attribute.moreKey)'")
        }
    }
}
