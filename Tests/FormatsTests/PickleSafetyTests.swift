// Hostile pickles: what they would run is reported, nothing is run, and the tensors load all the same.

import Testing

@testable import Formats

@Suite struct PickleSafetyTests {
    private typealias Call = CheckpointMetadata.ForeignCall

    private func calls(_ value: [UInt8]) throws -> [CheckpointMetadata.ForeignCall] {
        let pickle = Made.pickle(Made.dictionary([("w", Made.tensor()), ("x", value)]))
        let checkpoint = try openCheckpoint(Made.archive(pickle))
        #expect(try checkpoint.tensor("w").floats() == [0, 1, 2, 3, 4, 5])
        return checkpoint.metadata.foreignCalls
    }

    @Test func aCallIsReportedWithItsArguments() throws {
        #expect(
            try calls(Made.call("posix", "system", Made.text("echo \"hi\"\n"))) == [
                Call(name: "posix.system", arguments: "\"echo \"hi\"\\n\"", isDangerous: true)
            ])
    }

    @Test func theWarningNamesTheCommand() throws {
        let pickle = Made.pickle(Made.dictionary([("x", Made.call("os", "system", Made.text("id")))]))
        #expect(
            try openCheckpoint(Made.archive(pickle)).metadata.warnings.contains(
                "this file tries to run os.system(\"id\"); it was not run"))
    }

    @Test func aCallWhoseResultIsDiscardedIsReported() throws {
        let value = Made.call("os", "system", Made.text("id")) + [0x30] + Made.int(1)
        #expect(try calls(value) == [Call(name: "os.system", arguments: "\"id\"", isDangerous: true)])
    }

    @Test func everyFormOfCallIsSeen() throws {
        let command = Made.text("id")
        // INST, OBJ, STACK_GLOBAL, NEWOBJ with arguments, and a call of a call's result.
        #expect(try calls([0x28] + command + Array("ios\nsystem\n".utf8)).map(\.name) == ["os.system"])
        #expect(try calls([0x28] + Made.global("os", "system") + command + [0x6F]).map(\.name) == ["os.system"])
        let stacked = Made.text("builtins") + Made.text("eval") + [0x93] + command + [0x85, 0x52]
        #expect(try calls(stacked) == [Call(name: "builtins.eval", arguments: "\"id\"", isDangerous: true)])
        let object = Made.global("subprocess", "Popen") + command + [0x85, 0x81]
        #expect(try calls(object) == [Call(name: "subprocess.Popen", arguments: "\"id\"", isDangerous: true)])
        let curried = Made.call("functools", "partial", Made.global("os", "system")) + command + [0x85, 0x52]
        #expect(
            try calls(curried).contains(
                Call(name: "functools.partial(os.system)", arguments: "\"id\"", isDangerous: true)))
        let handedOn = Made.call(
            "torch._tensor", "_rebuild_from_type_v2", Made.global("os", "system"), Made.global("torch", "Tensor"),
            Made.tuple(command), Made.emptyDictionary)
        #expect(try calls(handedOn) == [Call(name: "os.system", arguments: "\"id\"", isDangerous: true)])
        let registered: [UInt8] = [0x82, 7] + command + [0x85, 0x52]
        #expect(try calls(registered) == [Call(name: "<extension 7>", arguments: "\"id\"", isDangerous: true)])
    }

    @Test func eachCallableIsListedOnce() throws {
        let value = Made.tuple(
            Made.call("numpy.core.multiarray", "scalar", Made.int(1)),
            Made.call("numpy.core.multiarray", "scalar", Made.int(2)))
        #expect(
            try calls(value) == [
                Call(name: "numpy.core.multiarray.scalar", arguments: "1", isDangerous: false)
            ])
    }

    @Test(arguments: [
        ("torch", "load", true), ("torch.hub", "load", true), ("builtins", "getattr", true),
        ("__builtin__", "exec", true),
        ("importlib", "import_module", true), ("mypackage", "anything", true), ("timm.models", "create_model", true),
        ("pathlib", "PosixPath", false), ("datetime", "timedelta", false), ("argparse", "Namespace", false),
        ("torch.optim.lr_scheduler", "LambdaLR", false), ("omegaconf.dictconfig", "DictConfig", false),
    ])
    func onlyKnownCallablesCountAsHarmless(module: String, name: String, isDangerous: Bool) throws {
        #expect(try calls(Made.call(module, name, Made.int(1))).map(\.isDangerous) == [isDangerous])
    }

    @Test func aUsersOwnClassRaisesNoAlarm() throws {
        let object = Made.global("mypackage.net", "Net") + [0x29, 0x81] + Made.emptyDictionary + [0x62]
        #expect(try calls(object) == [Call(name: "mypackage.net.Net", arguments: "", isDangerous: false)])
    }

    @Test func aDangerousNameThatIsOnlyMentionedIsReported() throws {
        #expect(try calls(Made.global("os", "system")) == [Call(name: "os.system", arguments: "", isDangerous: true)])
    }

    @Test func theVocabularyOfTensorsIsNotForeign() throws {
        let value = Made.tuple(
            Made.global("torch", "float32"), Made.call("torch", "device", Made.text("cpu")),
            Made.call("torch", "Size", Made.tuple([1, 2])), Made.call("__builtin__", "set", [0x5D]),
            Made.call("_codecs", "encode", Made.text("x"), Made.text("latin1")),
            Made.call("collections", "OrderedDict"))
        #expect(try calls(value) == [])
    }
}
