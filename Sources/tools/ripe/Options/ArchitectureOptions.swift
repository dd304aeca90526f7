// Options that say what network a checkpoint holds, where its tensors do not tell.

import ArgumentParser
import Engine

/// `--arch`, `--arch-option` and `--graph`.
struct ArchitectureOptions: ParsableArguments {
    @Option(help: "The network, where the tensors' names and shapes do not tell, such as resnet50.")
    var arch: String?

    @Option(
        name: .customLong("arch-option"),
        help: ArgumentHelp(
            "A setting that the weights do not tell, such as stochastic_depth_rate=0.1; may be given again.",
            valueName: "key=value"))
    var archOptions: [String] = []

    @Option(
        help: ArgumentHelp(
            "An ONNX export of the network; the checkpoints' tensors are bound to it by name.", valueName: "model.onnx"),
        completion: .file(extensions: ["onnx"]))
    var graph: String?

    func validate() throws {
        if graph != nil, arch != nil { throw ValidationError("--graph and --arch cannot go together") }
        for option in archOptions where Self.pair(option) == nil {
            throw ValidationError("--arch-option takes key=value, found '\(option)'")
        }
        do throws(EngineError) { try Recognizer.check(hints()) } catch {
            let name =
                switch error {
                case .unknownArchitecture: "--arch"
                case .format, .invalidOption(option: "graph", _, _): graph == nil ? "--arch-option" : "--graph"
                default: "--arch-option"
                }
            throw ValidationError("\(name): \(error)")
        }
    }

    /// What the options say to the recogniser.
    ///
    /// - Parameter defaults: settings that a preset makes, for families that know them.
    func hints(defaults: [String: String] = [:]) -> ArchitectureHints {
        let pairs = archOptions.compactMap(Self.pair)
        return ArchitectureHints(
            architecture: arch, options: Dictionary(pairs) { _, last in last }, defaults: defaults, graph: graph)
    }

    private static func pair(_ text: String) -> (String, String)? {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        return (parts[0], parts[1])
    }
}
