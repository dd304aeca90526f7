// The formats that can be written, by the words that `--to` takes and by file extensions.

/// A checkpoint format that can be written.
public enum CheckpointFormat: String, Sendable, CaseIterable {
    /// safetensors, in one file or in shards with an index.
    case safetensors
    /// PyTorch's zip of 1.6 and later, a plain state_dict that `torch.load(weights_only=True, mmap=True)` accepts.
    case pytorch = "pt"
    /// HDF5 with one data set a tensor under its own name; dots stay, slashes make groups.
    case hdf5 = "h5"
    /// Keras' legacy weights: a group a layer with lists of weight names.
    case kerasLegacy = "keras-h5"
    /// Keras 3 weights: numbered variables by layer.
    case kerasWeights = "weights.h5"
    /// Keras 3's archive: weights and the network's description.
    case kerasArchive = "keras"
    /// NumPy's archive of arrays.
    case npz

    /// The format that a path's extension stands for; nil for an extension that is none of ours.
    public init?(path: String) {
        let name = path.lowercased()
        let endings: [(String, CheckpointFormat)] = [
            (".safetensors", .safetensors), (".safetensors.index.json", .safetensors), (".weights.h5", .kerasWeights),
            (".h5", .hdf5), (".hdf5", .hdf5), (".keras", .kerasArchive), (".npz", .npz), (".pt", .pytorch),
            (".pth", .pytorch), (".ckpt", .pytorch), (".bin", .pytorch),
        ]
        guard let match = endings.first(where: { name.hasSuffix($0.0) }) else { return nil }
        self = match.1
    }

    /// The ending that files of the format get, with its dot.
    public var fileEnding: String {
        switch self {
        case .safetensors: ".safetensors"
        case .pytorch: ".pt"
        case .hdf5, .kerasLegacy: ".h5"
        case .kerasWeights: ".weights.h5"
        case .kerasArchive: ".keras"
        case .npz: ".npz"
        }
    }

    /// The format in words.
    public var title: String {
        switch self {
        case .safetensors: "safetensors"
        case .pytorch: "PyTorch state_dict"
        case .hdf5: "HDF5, one data set a tensor"
        case .kerasLegacy: "Keras weights (legacy HDF5)"
        case .kerasWeights: "Keras 3 weights"
        case .kerasArchive: "Keras 3 archive"
        case .npz: "NumPy archive"
        }
    }
}
