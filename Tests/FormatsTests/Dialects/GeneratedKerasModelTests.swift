// Generated Keras models against Keras' own. fixtures/golden/keras_applications.json holds checksums of what Keras
// writes; fixtures/generate/check_keras_models.py makes it, and runs the generated models against the originals.

import FoundationEssentials
import TestSupport
import Testing

@testable import Formats

@Suite("Generated Keras models")
struct GeneratedKerasModelTests {
    /// A record of Keras' own model.
    private struct Golden {
        let configuration: UInt32
        let weights: UInt32
        let variables: Int

        init(_ json: JSON) throws {
            configuration = try UInt32(#require(json["configuration"]?.int))
            weights = try UInt32(#require(json["weights"]?.int))
            variables = try #require(json["variables"]?.int)
        }
    }

    private func golden() throws -> JSON {
        let path = TestData.fixtures + "/golden/keras_applications.json"
        return try JSON(Bytes(mapping: path), path: path, section: "golden")
    }

    private func crc(_ text: String) -> UInt32 { Inflate.crc32(Bytes(copying: Array(text.utf8))) }

    /// A line for each variable: where weight files keep it, its layer, name and shape.
    private func weightLines(_ model: KerasModelDescription) -> [String] {
        model.variableTable.flatMap { row in
            row.variables.enumerated().map { index, variable in
                let shape = variable.shape.axes.map(String.init).joined(separator: ",")
                return "\(row.storePath)/vars/\(index) \(row.path.joined(separator: "/")) \(variable.name) \(shape)"
            }
        }
    }

    @Test("Configurations equal, byte for byte, what Keras writes for its own models")
    func configurationsEqualKerasOwn() throws {
        let golden = try golden()
        var compared = 0
        for (name, model) in try KerasApplicationsSizes.models.get() {
            guard let record = try golden["models"]?[name].map(Golden.init) else { continue }
            compared += 1
            #expect(crc(model.configuration.compactText) == record.configuration, "\(name)")
        }
        #expect(compared == golden["models"]?.members?.count)
    }

    @Test("Variables have the names, shapes, order and places that Keras gives them in weight files")
    func variablesEqualKerasOwn() throws {
        let golden = try golden()
        for (name, model) in try KerasApplicationsSizes.models.get() {
            guard let record = try golden["models"]?[name].map(Golden.init) else { continue }
            let lines = weightLines(model)
            #expect(lines.count == record.variables, "\(name)")
            #expect(crc(lines.joined(separator: "\n")) == record.weights, "\(name)")
        }
    }

    @Test("Every layer is called on layers that come before it, by the shapes that those give out")
    func referencesResolve() throws {
        for (name, model) in try KerasApplicationsSizes.models.get() {
            var known: [String: [Int?]] = [:]
            for layer in model.layers {
                for input in layer.inputs { #expect(known[input.layer] == input.axes, "\(name) \(layer.name)") }
                #expect(known.updateValue(layer.outputAxes, forKey: layer.name) == nil, "\(name) \(layer.name)")
            }
            #expect(known[model.output.layer] == model.output.axes, "\(name)")
        }
    }

    @Test("The reader of configurations finds the same layers and variables in what was generated")
    func readerAgrees() throws {
        for (name, model) in try KerasApplicationsSizes.models.get() {
            let read = try KerasLayer(configuration: model.configuration.compactText, path: name)
            var rows: [String] = []
            func walk(_ layer: KerasLayer, _ path: [String]) throws {
                for inner in layer.layers {
                    let path = path + [inner.name]
                    guard !inner.isModel else {
                        try walk(inner, path)
                        continue
                    }
                    let roles = try #require(kerasRoles(className: inner.className, config: inner.config))
                    rows.append("\(path) \(roles.map(\.name)) \(roles.map(\.isTrainable))")
                }
            }
            try walk(read, [])
            let expected = model.variableTable.map { row in
                "\(row.path) \(row.variables.map(\.name)) \(row.variables.map(\.isTrainable))"
            }
            #expect(rows == expected, "\(name)")
        }
    }

    /// For the script that runs the models; see its first lines.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["RIPE_KERAS_MODELS"] != nil))
    func writesConfigurations() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["RIPE_KERAS_MODELS"])
        for (name, model) in try KerasApplicationsSizes.models.get() {
            try Data(model.configuration.compactText.utf8).write(to: URL(filePath: "\(folder)/\(name).json"))
            let lines = weightLines(model).joined(separator: "\n") + "\n"
            try Data(lines.utf8).write(to: URL(filePath: "\(folder)/\(name).txt"))
        }
    }
}
