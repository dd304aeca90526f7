// Keras' three forms: tensors keep their names through each, and stand where Keras looks for them.

import TestSupport
import Testing

@testable import Formats

@Suite struct KerasWritingTests {
    private let files: WrittenFiles

    init() throws { files = try WrittenFiles() }

    /// A network with all that makes places: classes that repeat, settings, a nested model, wrappers, an unknown class.
    static let config = """
        {"class_name": "Functional", "config": {"name": "net", "layers": [
          {"class_name": "InputLayer", "config": {"name": "img"}},
          {"class_name": "Conv2D", "config": {"name": "stem", "use_bias": false}},
          {"class_name": "BatchNormalization", "config": {"name": "norm", "scale": false}},
          {"class_name": "Functional", "config": {"name": "inner", "trainable": true, "layers": [
            {"class_name": "Conv2D", "config": {"name": "c", "trainable": false}},
            {"class_name": "DepthwiseConv2D", "config": {"name": "dw"}}]}},
          {"class_name": "Conv2D", "config": {"name": "last"}},
          {"class_name": "TimeDistributed", "config": {"name": "td",
            "layer": {"class_name": "Dense", "config": {"name": "d"}}}},
          {"class_name": "LSTM", "config": {"name": "rnn"}},
          {"class_name": "package>Own", "config": {"name": "own"}},
          {"class_name": "Dense", "config": {"name": "head"}}]}}
        """

    /// Its variables in any order, with two that it does not have, and where Keras 3 keeps them.
    static let places = [
        ("head/kernel", "layers/dense/vars/0"), ("head/bias", "layers/dense/vars/1"),
        ("norm/moving_mean", "layers/batch_normalization/vars/1"), ("norm/beta", "layers/batch_normalization/vars/0"),
        ("norm/moving_variance", "layers/batch_normalization/vars/2"), ("stem/kernel", "layers/conv2d/vars/0"),
        ("last/kernel", "layers/conv2d_1/vars/0"), ("last/bias", "layers/conv2d_1/vars/1"),
        ("inner/c/kernel", "layers/functional/layers/conv2d/vars/0"),
        ("inner/c/bias", "layers/functional/layers/conv2d/vars/1"),
        ("inner/dw/kernel", "layers/functional/layers/depthwise_conv2d/vars/0"),
        ("inner/dw/bias", "layers/functional/layers/depthwise_conv2d/vars/1"),
        ("td/layer/kernel", "layers/time_distributed/layer/vars/0"),
        ("td/layer/bias", "layers/time_distributed/layer/vars/1"),
        ("rnn/cell/kernel", "layers/lstm/cell/vars/0"), ("rnn/cell/recurrent_kernel", "layers/lstm/cell/vars/1"),
        ("rnn/cell/bias", "layers/lstm/cell/vars/2"), ("own/table", "extra/own/vars/0"),
        ("aux.0.weight", "extra/aux.0/vars/0"),
    ]

    static let described = CheckpointDraft(tensors: places.map { made($0.0) }, kerasConfig: config)

    /// What a written HDF5 file holds: paths of data sets, and attributes of groups.
    private func contents(_ name: String) throws -> HDF5Contents {
        let path = files.folder + "/" + name
        guard name.hasSuffix(".keras") else { return try HDF5Contents(path: path, bytes: Bytes(mapping: path)) }
        let bytes = try #require(try ZipArchive(path).contents(named: "model.weights.h5"))
        return try HDF5Contents(path: path, bytes: bytes)
    }

    // MARK: Names, types, shapes

    @Test(arguments: [CheckpointFormat.kerasLegacy, .kerasWeights])
    func everyTypeAndShapeComesBack(format: CheckpointFormat) throws {
        let draft = CheckpointDraft(tensors: everyKindOfTensor, metadata: [("epoch", "4"), ("note", "kept")])
        let (_, reader) = try files.written(draft, "x" + format.fileEnding, format)
        try expectSame(reader, draft)
        #expect(reader.metadata.epoch == 4 && reader.metadata.entries.contains { $0.key == "note" })
        #expect(reader.format == format.title)
    }

    @Test(arguments: [CheckpointFormat.kerasLegacy, .kerasWeights, .kerasArchive])
    func namesOfOtherConventionsSurvive(format: CheckpointFormat) throws {
        let names = [
            "layer1.0.conv1.weight", "layer1.0.conv1.bias", "w", "a/b/c/kernel", "a/b/kernel", "metrics.weight",
            "optimizer/vars/0", "optimizer.state.0.exp_avg", "x/seed_generator/vars/0", "d/W", "d/kernel", "d/kernel_1",
            "e/vars/3", "e/vars/1", "top_level_model_weights/x", "größe/重み", "layers/conv2d/vars/0", ".hidden", "a.",
        ]
        let draft = CheckpointDraft(tensors: names.map { made($0) }, kerasConfig: Self.config)
        let (_, reader) = try files.written(draft, "x" + format.fileEnding, format)
        try expectSame(reader, draft)
        #expect(reader.otherTensors == [])
    }

    @Test func nineHundredLayersNeedTheirNamesInParts() throws {
        let long = String(repeating: "a_rather_long_name_", count: 5)
        let draft = CheckpointDraft(tensors: (0..<900).map { made("\(long)\($0)/kernel") })
        let (_, reader) = try files.written(draft, "x.h5", .kerasLegacy)
        try expectSame(reader, draft)
        #expect(reader.tensors.map(\.name) == draft.tensors.map(\.name))
        let root = try #require(try contents("x.h5").groups[""])
        #expect(root["layer_names"] == nil && root["layer_names0"]?.strings.count == 450 && root["layer_names1"] != nil)
        let (_, store) = try files.written(draft, "x.weights.h5", .kerasWeights)
        try expectSame(store, draft)
    }

    // MARK: Places

    @Test(arguments: [CheckpointFormat.kerasWeights, .kerasArchive])
    func aDescriptionSaysWhereKeras3LooksForEachVariable(format: CheckpointFormat) throws {
        let name = "x" + format.fileEnding
        let (_, reader) = try files.written(Self.described, name, format)
        try expectSame(reader, Self.described)
        let contents = try contents(name)
        #expect(contents.dataSets.map(\.name) == Self.places.map(\.1).sorted())
        for (tensor, place) in Self.places {
            #expect(reader.tensors.first { $0.name == tensor }?.storage.key == place)
        }
        #expect(contents.groups["layers/functional/layers/conv2d/vars"]?["name"]?.strings == ["c"])
        #expect(contents.groups["layers/input_layer/vars"]?["name"]?.strings == ["img"])
        let table = try KerasVariableTable(reader)
        #expect(table[["inner", "dw"]]?["bias"] == "inner/dw/bias")
        #expect(table[["norm"]]?.variables.map(\.role) == ["beta", "moving_mean", "moving_variance"])
    }

    @Test func legacyGroupsFollowTheDescriptionTrainableWeightsFirst() throws {
        let (_, reader) = try files.written(Self.described, "x.h5", .kerasLegacy)
        try expectSame(reader, Self.described)
        let groups = try contents("x.h5").groups
        #expect(
            groups[""]?["layer_names"]?.strings
                == ["img", "stem", "norm", "inner", "last", "td", "rnn", "own", "head", "aux.0"])
        #expect(groups["inner"]?["weight_names"]?.strings == ["dw/kernel", "dw/bias", "c/kernel", "c/bias"])
        #expect(
            groups["norm"]?["weight_names"]?.strings == ["norm/beta", "norm/moving_mean", "norm/moving_variance"])
        #expect(groups["img"]?["weight_names"]?.strings == [])
        #expect(groups["aux.0"]?["weight_names"]?.strings == ["aux.0.weight"])
        #expect(groups[""]?["backend"]?.strings == ["tensorflow"])
    }

    @Test func withoutADescriptionStatisticsStillComeLast() throws {
        let names = ["bn/moving_mean", "bn/gamma", "bn/moving_variance", "bn/beta", "l.running_mean", "l.weight"]
        _ = try files.written(CheckpointDraft(tensors: names.map { made($0) }), "x.h5", .kerasLegacy)
        let groups = try contents("x.h5").groups
        #expect(
            groups["bn"]?["weight_names"]?.strings == ["bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance"])
        #expect(groups["l"]?["weight_names"]?.strings == ["l.weight", "l.running_mean"])
    }

    /// By way of every other format, Keras' own files come out with the same data sets and the same lists.
    @Test(arguments: [CheckpointFormat.safetensors, .pytorch, .npz, .hdf5])
    func filesOfKerasComeBackToTheirPlaces(detour: CheckpointFormat) throws {
        for name in ["k3.weights.h5", "tfk.weights.h5", "k3m.weights.h5", "bf.weights.h5"] {
            let original = try HDF5Contents(path: name, bytes: KerasGolden.hdf5Bytes(name))
            let draft = CheckpointDraft(try KerasGolden.open(name), includesOptimizer: true)
            let back = CheckpointDraft(try files.written(draft, "\(name)\(detour.fileEnding)", detour).reader)
            _ = try files.written(back, "\(detour)-\(name)", .kerasWeights)
            let contents = try contents("\(detour)-\(name)")
            #expect(contents.dataSets.map(\.name) == original.dataSets.map(\.name))
            #expect(contents.dataSets.allSatisfy { $0.tensorName == nil })
            let (a, b) = (try KerasGolden.open(name), try Checkpoint.open("\(files.folder)/\(detour)-\(name)"))
            for dataSet in original.dataSets {
                let tensor = try #require((a.tensors + a.otherTensors).first { $0.storage.key == dataSet.name })
                #expect(try a.tensor(tensor.name).bytes.array == b.tensor(tensor.name).bytes.array)
            }
        }
        for name in ["tfk.h5", "tfk_frozen.h5", "hw_legacy.h5"] {
            let original = try HDF5Contents(path: name, bytes: KerasGolden.hdf5Bytes(name))
            let draft = CheckpointDraft(try KerasGolden.open(name))
            let back = CheckpointDraft(try files.written(draft, "\(name)\(detour.fileEnding)", detour).reader)
            _ = try files.written(back, "\(detour)-\(name)", .kerasLegacy)
            let lists = try [original, contents("\(detour)-\(name)")].map { contents in
                try kerasLegacyLayers(contents, root: "", path: name).filter { !$0.weights.isEmpty }.map { layer in
                    [layer.name] + layer.weights.map(\.storedName)
                }
            }
            #expect(lists[0] == lists[1], "\(name)")
        }
    }

    @Test func aLegacyModelBecomesAnArchiveThroughItsDescription() throws {
        for name in ["k3_legacy_full.h5", "tfk_full.h5"] {
            let source = try KerasGolden.open(name)
            let draft = CheckpointDraft(source)
            let (_, reader) = try files.written(draft, "\(name).keras", .kerasArchive)
            try expectSame(reader, draft)
            // Every variable of the network has its place, those of recurrent layers too.
            let (before, after) = (try KerasVariableTable(source), try KerasVariableTable(reader))
            #expect(before.layers == after.layers && after.unassigned == [] && after.layers.count > 6)
        }
    }

    // MARK: What else a file holds

    @Test func anArchiveHasThreeMembersAndNoTimeOfItsOwn() throws {
        let draft = CheckpointDraft(
            tensors: Self.described.tensors, metadata: [("keras_version", "3.9.0"), ("epoch", "2")],
            kerasConfig: Self.config)
        let (_, reader) = try files.written(draft, "x.keras", .kerasArchive)
        let archive = try ZipArchive(files.folder + "/x.keras")
        #expect(archive.members.map(\.name) == ["metadata.json", "config.json", "model.weights.h5"])
        #expect(try archive.contents(named: "metadata.json")?.utf8 == #"{"keras_version": "3.9.0"}"#)
        #expect(reader.metadata.writer == "Keras 3.9.0" && reader.metadata.epoch == 2)
        _ = try draft.write(to: files.folder + "/y.keras", as: .kerasArchive)
        #expect(try Bytes(mapping: files.folder + "/x.keras").array == Bytes(mapping: files.folder + "/y.keras").array)
    }

    @Test func optimizerStateOfLegacyFilesStaysBesideTheModel() throws {
        let source = try KerasGolden.open("tfk_full.h5")
        let draft = CheckpointDraft(source, includesOptimizer: true)
        #expect(draft.tensors.count == source.tensors.count + 35 && source.otherTensors.count == 35)
        for format in [CheckpointFormat.kerasLegacy, .kerasWeights, .kerasArchive] {
            let (_, reader) = try files.written(draft, "o\(format)" + format.fileEnding, format)
            #expect(Set(reader.otherTensors.map(\.name)) == Set(source.otherTensors.map(\.name)))
            #expect(reader.tensors.count == source.tensors.count)
            let name = "optimizer_weights/Adam/m/conv1/kernel:0"
            #expect(try reader.tensor(name).bytes.array == source.tensor(name).bytes.array)
        }
    }

    @Test func whatKerasWillNotFindIsTold() throws {
        let bare = CheckpointDraft(tensors: [made("a.weight"), made("a.bias")])
        let (store, _) = try files.written(bare, "a.weights.h5", .kerasWeights)
        #expect(
            store.remarks == [
                "2 tensors ('a.weight', …) went under their own names, where Keras does not look: nothing tells the classes "
                    + "of their layers (--dialect keras does, for families that Ripe knows)"
            ])
        #expect(try files.written(bare, "a.h5", .kerasLegacy).written.remarks == [])
        let partial = CheckpointDraft(
            tensors: Array(Self.described.tensors.dropFirst(2)), kerasConfig: Self.config)
        let missing =
            "the network's description has 2 variables ('head/kernel', …) without a tensor; Keras will not load it all"
        #expect(try files.written(partial, "b.h5", .kerasLegacy).written.remarks == [missing])
        #expect(
            try files.written(partial, "b.keras", .kerasArchive).written.remarks == [
                "2 tensors ('own/table', …) went under their own names, where Keras does not look: the network's "
                    + "description does not have them", missing,
            ])
        let placed = CheckpointDraft(tensors: [made("conv/kernel", place: "layers/conv2d/vars/0")])
        #expect(try files.written(placed, "c.weights.h5", .kerasWeights).written.remarks == [])
        #expect(
            try files.written(placed, "c.h5", .kerasLegacy).written.remarks == [
                "a Keras 3 file without a description does not tell the order of layers, by which Keras matches them here; "
                    + "load this with by_name=True"
            ])
    }

    @Test func descriptionsOfLegacyFilesGetTheModulesThatArchivesNeed() throws {
        let (_, reader) = try files.written(Self.described, "x.keras", .kerasArchive)
        let config = try JSON(try #require(reader.metadata.kerasConfig), path: "", section: "")
        #expect(config["module"] == .string("keras.src.models.functional"))
        let layers = try #require(config["config"]?["layers"]?.array)
        #expect(layers[1]["module"] == .string("keras.layers") && layers[1]["registered_name"] == .null)
        #expect(layers[3]["config"]?["layers"]?.array?[1]["module"] == .string("keras.layers"))
        #expect(layers[5]["config"]?["layer"]?["module"] == .string("keras.layers"))
        #expect(
            layers[7] == .object(["class_name": .string("package>Own"), "config": .object(["name": .string("own")])]))
    }

    // MARK: Refusals

    @Test func anArchiveNeedsADescription() {
        #expect(
            files.refusal(CheckpointDraft(tensors: [made("w")]), .kerasArchive)
                == "a .keras archive of weights without their network's description is not supported; add --dialect keras, "
                + "which describes the families that Ripe knows, or choose --to weights.h5")
        let broken = CheckpointDraft(tensors: [made("w")], kerasConfig: "{")
        #expect(files.refusal(broken, .kerasArchive).hasPrefix("Keras configuration at byte 1: "))
    }

    @Test func twoTensorsInOnePlaceAreNamed() {
        let draft = CheckpointDraft(tensors: [
            made("a", place: "layers/dense/vars/0"), made("b", place: "layers/dense/vars/0"),
        ])
        #expect(
            files.refusal(draft, .kerasWeights)
                == "tensors 'a' and 'b' in one place, 'layers/dense/vars/0', is not supported; rename one with --rename, or "
                + "choose safetensors")
        let groups = CheckpointDraft(tensors: [made("a/b/c"), made("a/b/c/d")])
        #expect(
            files.refusal(groups, .kerasLegacy)
                == "tensors 'a/b/c' and 'a/b/c/d' in one HDF5 file, where 'a/b/c' cannot be both a data set and a "
                + "group, is not supported; rename one with --rename, or choose safetensors")
    }

    @Test func layersThatCannotBeGroupsAreNamed() throws {
        func refusal(_ name: String, _ tensor: String = "w") -> String {
            let layer = #"{"class_name": "Dense", "config": {"name": "\#(name)"}}"#
            let config = #"{"class_name": "Sequential", "config": {"layers": [\#(layer), \#(layer)]}}"#
            return files.refusal(CheckpointDraft(tensors: [made(tensor)], kerasConfig: config), .kerasLegacy)
        }
        let advice = "is not supported; rename the layer where the model was made, or choose safetensors"
        #expect(refusal("a//b") == "a layer's group 'a//b' in HDF5 (an empty part between slashes) \(advice)")
        #expect(refusal(".") == "a layer's group '.' in HDF5 (a part '.') \(advice)")
        #expect(refusal("x/x/y", "x/y") == "a layer's group 'x/x/y' in HDF5 (a tensor has it) \(advice)")
    }

    @Test(arguments: [CheckpointFormat.kerasLegacy, .kerasWeights, .kerasArchive])
    func typesAndNamesThatHDF5LacksAreRefused(format: CheckpointFormat) {
        func refusal(_ tensor: DraftTensor) -> String {
            files.refusal(CheckpointDraft(tensors: [tensor], kerasConfig: Self.config), format)
        }
        #expect(
            refusal(made("w", .float6E2M3, [4])).hasPrefix("tensor 'w' of type float6_e2m3 in \(format.title) is not"))
        #expect(
            refusal(made("a//kernel")).hasPrefix("'a//kernel' as a name in HDF5 (an empty part between slashes) is not")
        )
        #expect(refusal(made("a\0/kernel")).hasPrefix("'a\\u{0}/kernel' as a name in HDF5 (a NUL byte) is not"))
    }
}
