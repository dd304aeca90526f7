// Classes from the command line, from dataset.json and from the values in masks.

import Formats
import FoundationEssentials
import Testing

@testable import Analyzer

@Suite struct LabelSchemeTests {
    private func refusal(_ text: String) -> String {
        do {
            return "accepted: \(try LabelScheme(parsing: text))"
        } catch { return error.description }
    }

    @Test func classesAreReadInTheirOrderWithAnIgnoredValue() throws {
        let scheme = try LabelScheme(parsing: "background=0, brain=255,ignore=128,deep grey=7")
        #expect(scheme.names == ["background", "brain", "deep grey"])
        #expect(scheme.values == [0, 255, 7])
        #expect(scheme.ignoreValue == 128)
        #expect([0, 255, 7, 128, 1].map { scheme.index(of: $0) } == [0, 1, 2, 255, nil])
        #expect(scheme.description == "background=0,brain=255,deep grey=7,ignore=128")
        #expect(try LabelScheme(parsing: scheme.description) == scheme)
    }

    @Test func whatIsNoListOfClassesIsRefusedWithAnExample() {
        #expect(
            refusal("background,brain")
                == "--classes 'background,brain': expected name=value pairs, the background first, such as "
                + "background=0,lesion=255,ignore=128")
        #expect(
            refusal("background=0")
                == "--classes 'background=0': expected at least two classes, the background first, such as "
                + "background=0,lesion=1")
        #expect(refusal("a=0,a=1").hasSuffix("expected a name of its own for every class"))
        #expect(refusal("a=0,b=0").hasSuffix("expected a value of its own for every class"))
        #expect(refusal("a=0,b=1,ignore=1").hasSuffix("expected an ignored value that is no class's"))
        #expect(refusal("a=0,b=99999999999").contains("name=value"))
        let many = (0..<256).map { "c\($0)=\($0)" }.joined(separator: ",")
        #expect(refusal(many).hasSuffix("expected at most 255 classes"))
    }

    @Test func aStoredSchemeIsCheckedWhenItIsRead() throws {
        let scheme = try LabelScheme(parsing: "background=0,brain=1,ignore=9")
        let data = try JSONEncoder().encode(scheme)
        #expect(try JSONDecoder().decode(LabelScheme.self, from: data) == scheme)
        #expect(throws: AnalyzerError.self) {
            try JSONDecoder().decode(LabelScheme.self, from: Data(#"{"names":["a"],"values":[0]}"#.utf8))
        }
    }

    private func declared(_ json: String) throws -> LabelScheme? {
        try TargetTree.make { tree in
            try tree.text("dataset.json", #"{"channel_names":{"0":"MRI"},"labels":\#(json)}"#)
            guard let description = try DatasetDescription(TargetFolder(tree.path)) else { return nil }
            return try LabelScheme(description)
        }
    }

    @Test func nnunetAndDecathlonDeclareClassesInOppositeWays() throws {
        let nnunet = try #require(try declared(#"{"tumour": 2, "background": 0, "liver": [1], "ignore": 3}"#))
        #expect(nnunet.description == "background=0,liver=1,tumour=2,ignore=3")
        let decathlon = try #require(try declared(#"{"1": "liver", "0": "background", "2": "cancer"}"#))
        #expect(decathlon.description == "background=0,liver=1,cancer=2")
        #expect(try declared("{}") == nil)
    }

    @Test func regionsAreRefusedByName() throws {
        #expect {
            try declared(#"{"background": 0, "whole tumour": [1, 2, 3], "core": [2, 3]}"#)
        } throws: { error in
            "\(error)".hasSuffix(
                "dataset.json: region-based training ('whole tumour' stands for the labels 1, 2, 3) is not supported; "
                    + "name classes that exclude each other with --classes background=0,…")
        }
    }

    @Test(arguments: [
        (#"{"liver": 1, "tumour": 2}"#, "labels: expected a background with value 0, found liver=1,tumour=2; "),
        (#"{"background": 0, "liver": "one"}"#, #"label 'liver': expected a whole number, found "one""#),
        (#"{"background": 0, "liver": 1, "spleen": 1}"#, "labels: expected distinct classes"),
        (#"{"background": 0, "liver": 1e30}"#, "label 'liver': expected a whole number"),
    ])
    func declarationsThatMeanNoClassesAreRefused(json: String, expected: String) {
        #expect {
            try declared(json)
        } throws: { "\($0)".contains(expected) }
    }

    @Test func classesAreFoundInTheMasksWhenNothingDeclaresThem() throws {
        #expect(try LabelScheme(found: [255, 0], place: "x").description == "background=0,foreground=255")
        #expect(try LabelScheme(found: [2, 0, 1], place: "x").description == "background=0,class 1=1,class 2=2")
        #expect(try LabelScheme(found: [0, 128, 255], place: "x").names == ["background", "class 128", "class 255"])
    }

    @Test(arguments: [
        ([0], "x: every mask holds only the value 0; there is nothing to learn; give other masks"),
        (
            [1, 2, 3],
            "x: the masks hold 1, 2, 3, which does not tell the background; name the classes with --classes "
                + "background=1,…"
        ),
        (
            [0, 1, 2, 255],
            "x: the masks hold 0, 1, 2, 255, which does not tell whether 255 is a class or to be ignored; say "
                + "--classes background=0,NAME=1,NAME=2,ignore=255 or …,NAME=255"
        ),
    ])
    func valuesThatDoNotTellTheClassesAreNotGuessed(values: [Int32], message: String) {
        #expect {
            try LabelScheme(found: values, place: "x")
        } throws: { "\($0)" == message }
    }

    @Test func aSmoothedMaskIsNotTakenForManyClasses() {
        #expect {
            try LabelScheme(found: Array(0..<200), place: "x")
        } throws: { "\($0)".contains("the masks hold 200 different values (0, 1, 2, 3, 4, 5, 6, 7, …): smoothed") }
    }
}
