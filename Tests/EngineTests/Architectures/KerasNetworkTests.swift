// What the translation of Keras descriptions accepts, refuses by name, and takes as levels.

import Formats
import Testing

@testable import Engine

@Suite("Keras descriptions")
struct KerasNetworkTests {
    /// One layer of a Keras 2 description: class, name, settings, and the layers it reads.
    private func layer(_ kind: String, _ name: String, _ settings: String = "", from inputs: String...) -> String {
        let calls = inputs.map { $0.contains("[") ? $0 : "[\"\($0)\", 0, 0, {}]" }.joined(separator: ", ")
        let extra = settings.isEmpty ? "" : ", \(settings)"
        return """
            {"class_name": "\(kind)", "name": "\(name)", "config": {"name": "\(name)"\(extra)},
             "inbound_nodes": [\(inputs.isEmpty ? "" : "[\(calls)]")]}
            """
    }

    private func convolution(_ name: String, _ settings: String = "", from input: String) -> String {
        let extra = settings.isEmpty ? "" : ", \(settings)"
        return layer(
            "Conv2D", name, "\"filters\": 4, \"kernel_size\": [3, 3], \"padding\": \"same\"\(extra)", from: input)
    }

    private func description(_ layers: [String], output: String, name: String = "net") throws -> JSON {
        let input = layer("InputLayer", "image", "\"batch_input_shape\": [null, 32, 32, 3]")
        return try JSON(
            """
            {"class_name": "Functional", "config": {"name": "\(name)", "layers": [\(([input] + layers).joined(separator: ", "))],
             "input_layers": [["image", 0, 0]], "output_layers": [["\(output)", 0, 0]]}}
            """, path: "test", section: "description")
    }

    private func levels(_ layers: [String], output: String) throws -> [String] {
        let graph = try KerasNetwork(description(layers, output: output)).graph
        return graph.levels.map { graph.nodes[$0].name }
    }

    private func failure(_ layers: [String], output: String) -> String? {
        #expect(throws: EngineError.self) { try KerasNetwork(description(layers, output: output)) }?.description
    }

    private let half = "\"strides\": [2, 2]"

    // MARK: Levels

    @Test func aResidualBlockThatShrinksIsNotPartOfTheLevelBefore() throws {
        let layers = [
            convolution("stem", from: "image"), convolution("inner", from: "stem"),
            convolution("main", half, from: "inner"), convolution("shortcut", half, from: "stem"),
            layer("Add", "sum", from: "main", "shortcut"),
        ]
        #expect(try levels(layers, output: "sum") == ["stem", "sum"])
    }

    @Test func paddedMapsAndPooledVectorsAreNoLevels() throws {
        let layers = [
            convolution("a", from: "image"),
            layer("ZeroPadding2D", "padded", "\"padding\": [[1, 1], [1, 1]]", from: "a"),
            layer("MaxPooling2D", "pool", "\"pool_size\": [2, 2]", from: "padded"),
            convolution("b", from: "pool"), layer("GlobalAveragePooling2D", "vector", from: "b"),
            layer("Dense", "head", "\"units\": 10", from: "vector"),
        ]
        #expect(try levels(layers, output: "head") == ["a", "b"])
    }

    @Test func enlargedMapsAreNoLevels() throws {
        let layers = [
            convolution("a", from: "image"), convolution("b", half, from: "a"),
            layer("UpSampling2D", "up", from: "b"), layer("Concatenate", "both", from: "up", "a"),
            convolution("last", from: "both"),
        ]
        #expect(try levels(layers, output: "last") == ["a", "b"])
    }

    // MARK: What is refused, and when

    @Test func aLambdaInTheEncoderIsRefusedByName() {
        let layers = [
            convolution("a", from: "image"), layer("Lambda", "magic", from: "a"), convolution("b", half, from: "magic"),
        ]
        #expect(
            failure(layers, output: "b")
                == "layer 'magic' (Lambda) cannot be run; a Lambda holds Python code, which is never run; save the model "
                + "with the layers it stands for")
    }

    @Test func layersOfTheHeadNeedNotBeKnown() throws {
        let layers = [
            convolution("a", from: "image"), layer("Flatten", "flat", from: "a"),
            layer("Lambda", "magic", from: "flat"),
            layer("Dense", "head", "\"units\": 2", from: "magic"),
        ]
        #expect(try levels(layers, output: "head") == ["a"])
    }

    @Test func layersOfADecoderNeedNotBeKnown() throws {
        let layers = [
            convolution("a", from: "image"), convolution("b", half, from: "a"),
            layer("UpSampling2D", "up", from: "b"), layer("SomethingNew", "odd", from: "up"),
        ]
        #expect(try levels(layers, output: "odd") == ["a", "b"])
    }

    @Test func aGateThatCannotBeComputedIsNamedWhereItGates() {
        let layers = [
            convolution("a", from: "image"), layer("GlobalAveragePooling2D", "vector", from: "a"),
            layer("PReLU", "strange", from: "vector"), layer("Multiply", "gated", from: "a", "strange"),
            convolution("b", half, from: "gated"),
        ]
        #expect(
            failure(layers, output: "b")
                == "layer 'strange' (PReLU) cannot be run; this version knows the common convolutional layers only")
    }

    @Test func customClassesAreRefusedWhateverTheirName() throws {
        let own = """
            {"module": "my_package", "class_name": "Conv2D", "registered_name": "my_package>Conv2D", "name": "own",
             "config": {"name": "own", "filters": 4, "kernel_size": 3}, "inbound_nodes": [[["image", 0, 0, {}]]]}
            """
        #expect(
            failure([own], output: "own")
                == "layer 'own' (Conv2D) cannot be run; it is a custom class, whose code is not in the file")
    }

    @Test func settingsOutOfReasonAreRefused() {
        for (settings, message) in [
            ("\"strides\": [0, 2]", "its setting strides must be one or two whole numbers from 1 to 4096"),
            (
                "\"dilation_rate\": 9223372036854775807",
                "its setting dilation_rate must be one or two whole numbers from 1 to 4096"
            ),
            ("\"groups\": 2", "its 2 groups do not divide its channels"),
            ("\"activation\": \"mystery\"", "its activation mystery is not known here"),
        ] {
            #expect(
                failure([convolution("a", settings, from: "image")], output: "a")
                    == "layer 'a' (Conv2D) cannot be run; \(message)")
        }
    }

    @Test func normalisingAnotherAxisIsRefused() {
        let layers = [
            convolution("a", from: "image"),
            layer("BatchNormalization", "norm", "\"axis\": [9223372036854775807]", from: "a"),
        ]
        #expect(failure(layers, output: "norm")?.contains("only the channel axis is supported") == true)
    }

    @Test func inputsThatAreNotThereAreNamed() {
        #expect(
            failure([convolution("a", from: "b"), convolution("b", from: "a")], output: "b")
                == "layer 'a' (Conv2D) cannot be run; its inputs are not in the network description")
    }

    @Test func modelsOfUnknownBuildAreRefused() throws {
        let json = try JSON(#"{"class_name": "MyModel", "config": {"name": "m"}}"#, path: "", section: "")
        let error = #expect(throws: EngineError.self) { try KerasNetwork(json) }
        #expect(
            error?.description
                == "layer 'm' (MyModel) cannot be run; its description lists no layers: only Functional and Sequential "
                + "models can be rebuilt from a file")
    }

    @Test func modelsThatMultiplyThemselvesAreStopped() throws {
        // Each model calls the one inside it twice: 2²⁴ calls from 24 short lines.
        var inner = layer("Activation", "leaf", "\"activation\": \"relu\"", from: "in")
        for depth in 0..<24 {
            let model = """
                {"class_name": "Functional", "name": "m\(depth)", "config": {"name": "m\(depth)", "layers": [
                \(layer("InputLayer", "in")), \(inner)],
                "input_layers": [["in", 0, 0]], "output_layers": [["\(depth == 0 ? "leaf" : "m\(depth - 1)")", \(depth == 0 ? 0 : 2), 0]]},
                "inbound_nodes": [[["\(depth == 23 ? "image" : "in")", 0, 0, {}]], [["m\(depth)", 1, 0, {}]]]}
                """
            inner = model
        }
        #expect(
            failure([convolution("a", from: "image"), inner], output: "m23")?.contains("more than 50000 layer calls")
                == true)
    }

    // MARK: Forms

    @Test func nestedModelsCountTheirCallsFromOne() throws {
        let inner = """
            {"class_name": "Functional", "name": "inner", "config": {"name": "inner", "layers": [
            \(layer("InputLayer", "in", "\"batch_input_shape\": [null, null, null, 4]")), \(convolution("c", from: "in"))],
            "input_layers": [["in", 0, 0]], "output_layers": [["c", 0, 0]]}, "inbound_nodes": [[["a", 0, 0, {}]]]}
            """
        let layers = [
            convolution("a", from: "image"), inner, convolution("b", half, from: #"["inner", 1, 0, {}]"#),
        ]
        #expect(try levels(layers, output: "b") == ["inner/c", "b"])
        let graph = try KerasNetwork(description(layers, output: "b")).graph
        #expect(graph.parameters.map { $0.name }.contains("inner/c/kernel"))
    }

    @Test func hardSigmoidFollowsTheVersion() throws {
        let json = try description([convolution("a", "\"activation\": \"hard_sigmoid\"", from: "image")], output: "a")
        for (writer, slope) in [("Keras 2.15.0", Float(0.2)), ("Keras 3.4.1", 1 / 6)] {
            let graph = try KerasNetwork(json, writer: writer).graph
            #expect(graph.nodes.last?.op == .activation(.hardSigmoid(slope: slope, offset: 0.5)))
        }
    }
}
