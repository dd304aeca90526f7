// Code inside a Keras configuration. Keras rebuilds a network by importing the classes and functions that the
// configuration names, and by unmarshalling the bytecode of Lambda layers; here they are only reported.

extension CheckpointMetadata {
    /// Keeps a configuration and reports the code in it.
    ///
    /// - Throws: ``FormatError`` with `.invalid` when it is no JSON.
    mutating func takeConfig(_ text: String?, path: String) throws(FormatError) {
        guard let text else { return }
        kerasConfig = text
        var notes = KerasCodeNotes()
        notes.visit(try JSON(text, path: path, section: "Keras configuration"), layer: nil)
        warnings += notes.warnings
        foreignCalls += notes.calls
    }
}

/// Gathers the code that a configuration holds or names.
private struct KerasCodeNotes {
    var warnings: [String] = []
    var calls: [CheckpointMetadata.ForeignCall] = []
    private var known: Set<String> = []

    /// Packages whose objects are Keras' own vocabulary.
    private static let trustedPackages: Set<String> = [
        "keras", "tf_keras", "keras_core", "keras_hub", "keras_nlp", "keras_cv",
    ]
    /// Modules whose functions run programs, touch files or load code.
    private static let dangerousModules: Set<String> = [
        "os", "posix", "nt", "sys", "subprocess", "shutil", "importlib", "runpy", "socket", "pickle", "marshal",
        "ctypes",
        "webbrowser", "pty", "code", "codeop", "commands", "multiprocessing", "tempfile", "pathlib", "urllib", "http",
    ]
    private static let dangerousBuiltins: Set<String> = [
        "eval", "exec", "compile", "open", "__import__", "getattr", "setattr", "globals", "input", "breakpoint",
    ]

    /// Walks a value; JSON's parser bounds the depth.
    mutating func visit(_ json: JSON, layer: String?) {
        switch json {
        case .array(let elements):
            for element in elements { visit(element, layer: layer) }
        case .object(let members):
            let className = json["class_name"]?.string
            let name = json["name"]?.string ?? json["config"]?["name"]?.string
            let owner = className != nil && name != nil ? name : layer
            if className == "Lambda" { noteLambda(json, name: name ?? "lambda") }
            if className == "__lambda__" { note(code: "a Python function", in: owner) }
            if let className, let module = json["module"]?.string { noteModule(module, className, json) }
            for member in members { visit(member.value, layer: owner) }
        default: return
        }
    }

    /// Keras 2 stores a Lambda's bytecode as the first of three strings, Keras 3 as an object of class `__lambda__`.
    private mutating func noteLambda(_ entry: JSON, name: String) {
        let function = entry["config"]?["function"]
        if function?.array != nil || function?["class_name"]?.string == "__lambda__" {
            note(code: "Python bytecode", in: name)
        } else if let function = function?.string ?? function?["config"]?.string {
            warnings.append("Lambda layer '\(name)' calls the Python function '\(function)'; Ripe never runs it")
        }
    }

    private mutating func note(code: String, in layer: String?) {
        let name = layer ?? "an unnamed object"
        guard known.insert(name).inserted else { return }
        warnings.append("layer '\(name)' holds \(code); Ripe never runs it")
        calls.append(
            CheckpointMetadata.ForeignCall(name: "\(name) (Python bytecode)", arguments: "", isDangerous: true))
    }

    private mutating func noteModule(_ module: String, _ className: String, _ entry: JSON) {
        let package = String(module.split(separator: ".").first ?? "")
        guard !Self.trustedPackages.contains(package), !package.isEmpty else { return }
        // {"module": "builtins", "class_name": "function", "config": "relu6"} names a registered function.
        let target = className == "function" ? entry["config"]?.string ?? className : className
        let isDangerous =
            package == "builtins" ? Self.dangerousBuiltins.contains(target) : Self.dangerousModules.contains(package)
        let name = "\(module).\(target)"
        guard isDangerous || package != "builtins", known.insert(name).inserted else { return }
        calls.append(CheckpointMetadata.ForeignCall(name: name, arguments: "", isDangerous: isDangerous))
        if isDangerous { warnings.append("the configuration names \(name); Ripe never imports or runs it") }
    }
}
