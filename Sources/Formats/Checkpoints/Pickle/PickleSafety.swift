// Which of a pickle's names belong to the vocabulary of tensors, which are known to be harmless, and which would do
// something if Python loaded the file. Everything that is not on a list counts as dangerous: lists of bad names are
// always incomplete (protectai/modelscan#338).

extension PickleGraph {
    /// The callables that the pickle names beyond the vocabulary of tensors, one entry each, in file order. Calls
    /// whose result the pickle throws away are among them.
    func foreignCalls() -> [CheckpointMetadata.ForeignCall] {
        let isKnown = globals.map { PickleVocabulary.isTensorName($0) }
        var isCalled = [Bool](repeating: false, count: globals.count)
        var found: [CheckpointMetadata.ForeignCall] = []
        var places: [String: Int] = [:]
        for call in calls {
            var call = call
            if case .global(let number) = nodes[call.callee] {
                isCalled[number] = true
                if isKnown[number] {
                    guard let handed = callHandedOn(by: call) else { continue }
                    call = handed
                }
            }
            guard let (name, isDangerous) = verdict(on: call) else { continue }
            let place = places[name]
            if let place, found[place].isDangerous || !isDangerous { continue }
            let entry = CheckpointMetadata.ForeignCall(
                name: name, arguments: argumentText(call), isDangerous: isDangerous)
            if let place {
                found[place] = entry
            } else {
                places[name] = found.count
                found.append(entry)
            }
        }
        for (number, name) in globals.enumerated() where !isKnown[number] && !isCalled[number] {
            guard places[name] == nil else { continue }
            let isDangerous = !PickleVocabulary.isHarmless(name) && PickleVocabulary.reachesTheSystem(name)
            found.append(.init(name: printable(name), arguments: "", isDangerous: isDangerous))
        }
        return found
    }

    /// The call that `torch._tensor._rebuild_from_type_v2(function, type, arguments, state)` would make in turn.
    private func callHandedOn(by call: PickleCall) -> PickleCall? {
        guard let name = dottedName(call.callee), name.hasPrefix("torch._tensor._rebuild_from_type"),
            call.arguments.count >= 3
        else { return nil }
        return PickleCall(
            kind: .function, callee: call.arguments[0], arguments: sequence(call.arguments[2]) ?? [call.arguments[2]])
    }

    /// What a call names and whether making it could do harm; nil for calls of the vocabulary of tensors.
    private func verdict(on call: PickleCall) -> (name: String, isDangerous: Bool)? {
        guard var name = dottedName(call.callee) ?? legacyModuleName(call.callee) else {
            // A value that is called: the result of another call, or an extension code.
            return (text(call.callee, limit: 60), true)
        }
        let isObject = if case .object = call.kind { true } else { false }
        var isPlain = isObject && call.arguments.isEmpty
        // copyreg._reconstructor(class, base, state) is how protocols 0 and 1 make an object.
        if name == "copyreg._reconstructor" || name == "copy_reg._reconstructor" {
            guard let made = call.arguments.first.flatMap({ dottedName($0) }) else { return (name, true) }
            name = made
            isPlain = true
        }
        guard !PickleVocabulary.isTensorName(name) else { return nil }
        // An object made without its initializer and without arguments does nothing by itself.
        let isHarmless =
            PickleVocabulary.isHarmless(name) || (isPlain && !PickleVocabulary.reachesTheSystem(name))
        return (printable(name), !isHarmless)
    }
}

extension PickleGraph {
    /// The class in the tuple `("module", class, file, source)` by which the stream before PyTorch 1.6 names the classes
    /// of whole modules.
    private func legacyModuleName(_ index: Int) -> String? {
        guard case .persistent(let identifier) = nodes[index], let items = sequence(identifier), items.count == 4,
            string(items[0]) == "module"
        else { return nil }
        return dottedName(items[1])
    }
}

/// Names that checkpoints are known to hold.
enum PickleVocabulary {
    /// Names of tensors, storages, types and plain containers: what `torch.save` of a state_dict writes.
    static func isTensorName(_ name: String) -> Bool {
        if tensorNames.contains(name) { return true }
        guard let last = name.split(separator: ".").last else { return false }
        let module = name.dropLast(last.count + 1)
        switch module {
        case "torch", "torch.cuda", "torch.storage":
            return last.hasSuffix("Storage") || torchDType(named: String(last)) != nil || torchConstants.contains(last)
        case "torch._utils": return last.hasPrefix("_rebuild_")
        case "torch.jit._pickle": return true
        default: return name.hasPrefix("__torch__.")
        }
    }

    private static let tensorNames: Set<String> = [
        "collections.OrderedDict", "collections.Counter", "collections.defaultdict", "torch.Size", "torch.device",
        "torch.Tensor", "torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type",
        "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer", "torch.nn.parameter.UninitializedParameter",
        "torch.serialization._get_layout", "_codecs.encode", "builtins.set", "builtins.frozenset",
        "builtins.bytearray", "builtins.complex", "builtins.dict", "builtins.list", "builtins.tuple", "builtins.int",
        "builtins.float", "builtins.str", "builtins.bool", "builtins.bytes", "builtins.slice", "builtins.range",
        "builtins.object",
    ]

    private static let torchConstants: Set<Substring> = [
        "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric",
        "per_channel_affine_float_qparams", "strided", "sparse_coo", "sparse_csr", "channels_last", "preserve_format",
        "contiguous_format", "channels_last_3d",
    ]

    /// Callables that only make values, known from real checkpoints.
    static func isHarmless(_ name: String) -> Bool {
        if harmlessNames.contains(name) { return true }
        // Classes of well-known packages; their functions (lower case) are not covered.
        guard let last = name.split(separator: ".").last, last.first?.isUppercase == true else { return false }
        return classPackages.contains { name.hasPrefix($0) }
    }

    private static let harmlessNames: Set<String> = [
        "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct", "numpy.dtype", "numpy.ndarray", "numpy.core.numeric._frombuffer",
        "numpy._core.numeric._frombuffer", "numpy.random._pickle.__randomstate_ctor",
        "numpy.random._pickle.__generator_ctor", "numpy.random._pickle.__bit_generator_ctor", "pathlib.Path",
        "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath",
        "pathlib._local.PosixPath", "pathlib._local.WindowsPath", "argparse.Namespace", "types.SimpleNamespace",
        "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone",
        "decimal.Decimal", "fractions.Fraction", "uuid.UUID", "functools.partial", "torch.torch_version.TorchVersion",
        "torch.Generator", "enum.auto", "builtins.NoneType",
    ]

    private static let classPackages = [
        "torch.nn.", "torch.optim.", "torchvision.models.", "timm.", "monai.networks.", "segmentation_models_pytorch.",
        "pytorch_lightning.", "lightning.", "lightning_fabric.", "torchmetrics.", "omegaconf.", "numpy.dtypes.",
        "nnunetv2.", "transformers.",
    ]

    /// Whether a name's package can start programs, open files or evaluate code. Only asked about names that are
    /// not called with arguments, so that a user's own classes raise no alarm.
    static func reachesTheSystem(_ name: String) -> Bool {
        systemPackages.contains(String(name.prefix { $0 != "." }))
    }

    private static let systemPackages: Set<String> = [
        "os", "posix", "nt", "posixpath", "ntpath", "sys", "subprocess", "builtins", "importlib", "runpy", "shutil",
        "socket", "ssl", "http", "urllib", "requests", "ctypes", "cffi", "pty", "platform", "code", "codeop",
        "compileall", "pickle", "_pickle", "marshal", "dill", "cloudpickle", "joblib", "types", "inspect", "operator",
        "_operator", "webbrowser", "multiprocessing", "concurrent", "asyncio", "threading", "signal", "tempfile",
        "glob", "pdb", "bdb", "cProfile", "profile", "timeit", "trace", "doctest", "pip", "ensurepip", "venv",
        "distutils", "setuptools", "zipimport", "pkgutil", "imp", "io", "_io", "commands", "popen2", "gc", "weakref",
        "atexit", "antigravity", "this", "smtplib", "ftplib", "telnetlib", "xmlrpc", "sqlite3", "linecache", "tkinter",
    ]
}
