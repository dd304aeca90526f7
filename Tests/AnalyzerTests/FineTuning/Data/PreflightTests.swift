// The report before training: facts, rows, remarks and JSON.

import Formats
import FoundationEssentials
import Testing

@testable import Analyzer

@Suite struct PreflightTests {
    @Test func theReportSaysWhatThereIs() throws {
        try TargetTree.make { tree in
            try tree.nnunet([2, 2, 1], json: #"{"channel_names":{"0":"MRI"},"labels":{"background":0,"x":1,"y":2}}"#)
            let report = try tree.labelled().report
            #expect(
                report.lines.map { $0.replacing(tree.path, with: "ROOT") } == [
                    "ROOT: nnU-Net raw, 3 cases, 6 images", "sizes 3×4 → 2×3, grey",
                    "pixels 1 mm, slices 5 mm apart", "classes by dataset.json",
                ])
            #expect(
                report.rows == [
                    ["background", "0", "66", "91.7 %", "6 of 6", "3 of 3"],
                    ["x", "1", "4", "5.6 %", "3 of 6", "3 of 3"], ["y", "2", "2", "2.8 %", "2 of 6", "2 of 3"],
                ])
            #expect(PreflightReport.columns.count == 6)
            #expect(report.json["classes"]?.array?[1]["share"]?.double == 4.0 / 72)
            #expect(report.json["caseList"]?.array?[2]["pixels"] == .integers([22, 2, 0]))
            #expect(report.json["caseList"]?.array?[2]["spacing"]?.compactText == "[5.0,1.0,1.0]")
            #expect(try JSON(report.json.text(), path: "x", section: "x") == report.json)
        }
    }

    @Test func casesWithOtherSpacingRareAndVanishingClassesAreTold() throws {
        try TargetTree.make { tree in
            let shape = [150, 150, 2]
            for (name, spacing) in [("a", SIMD3(1.0, 1, 2)), ("b", SIMD3(1, 1, 5)), ("c", SIMD3(1, 1, 2.5))] {
                let affine = Affine(linear: Matrix3(diagonal: spacing), translation: [0, 0, 0])
                let values = (0..<45000).map { UInt8($0 % 251) }
                let volume = try Volume(
                    voxels: TensorView(dtype: .uint8, shape: [2, 150, 150], bytes: Bytes(copying: values)),
                    geometry: VolumeGeometry(affine: affine))
                try volume.write(to: tree("imagesTr/\(name)_0000.nii.gz"))
                try tree.mask("labelsTr/\(name).nii.gz", shape, spacing: spacing) { $0 == 200 ? 1 : 0 }
            }
            let warnings = try tree.labelled().warnings
            #expect(
                warnings.map(\.message) == [
                    "class 'foreground' vanishes from 3 of the 3 images that have it when they are resized to 2×3; "
                        + "a larger --image-size keeps it",
                    "class 'foreground' is rare (0.0022 % of the pixels): class weights or the Dice loss help",
                    "the distance between slices differs much: 2 mm in a, 5 mm in b",
                ])
            #expect(warnings.map(\.isSerious) == [true, false, false])
        }
    }

    @Test func equalImagesInDifferentCasesAreTold() throws {
        try TargetTree.make { tree in
            try tree.pictures([("a", [0, 1, 0, 0, 0, 0]), ("b", [0, 1, 0, 0, 0, 0]), ("c", [0, 1, 0, 0, 0, 0])])
            try FileManager.default.removeItem(atPath: tree.path + "/images/c.png")
            try FileManager.default.copyItem(
                atPath: tree.path + "/images/a.png", toPath: tree.path + "/images/c.png")
            let data = try tree.labelled()
            #expect(data.warnings.map(\.kind) == [.duplicates])
            #expect(data.warnings[0].message.contains("(a = c)"))
            #expect(data.overlap(with: data)?.message.hasPrefix("3 of 3 files are also in the training data") == true)
        }
    }

    @Test(arguments: [
        (0.0, "0 %"), (1.0, "100 %"), (0.5, "50 %"), (0.123456, "12.3 %"), (0.0123, "1.2 %"), (0.00001234, "0.0012 %"),
    ])
    func sharesAreShownWithTwoOrThreeDigits(share: Double, text: String) {
        #expect(percent(share) == text)
    }
}

@Suite struct TargetPartTests {
    @Test func anNnunetFoldersLabelledTestImagesAreFound() throws {
        try TargetTree.make { tree in
            try tree.nnunet([2, 2], json: #"{"channel_names":{"0":"MRI"},"labels":{"background":0,"x":1,"y":2}}"#)
            try tree.volume("imagesTs/t_0000.nii.gz", base: 50)
            let data = try tree.labelled()
            #expect(data.target.labelledPart(.test) == nil)
            try tree.mask("labelsTs/t.nii.gz") { $0 == 0 ? 1 : 0 }
            // Class y is not there: a test set need not have all.
            let test = try #require(try SegmentationData.testData(of: data))
            #expect(test.data.cases.map(\.name) == ["t"])
            #expect(test.data.scheme == data.scheme)
            #expect(
                test.explanation.replacing(tree.path, with: "ROOT") == "the test images of ROOT (nnU-Net raw)")
            #expect(test.data.target.labelledPart(.test) == nil)
            #expect(data.overlap(with: test.data) == nil)
        }
    }

    @Test(arguments: ["", "train"])
    func aTestFolderBesideOrBelowIsFound(place: String) throws {
        try TargetTree.make { tree in
            try tree.pictures([("a", [0, 1, 0, 0, 0, 0]), ("b", [0, 1, 0, 0, 0, 0])], folder: "train/")
            try tree.pictures([("c", [0, 1, 0, 0, 0, 0])], folder: "Test/")
            let data = try tree.labelled(place)
            #expect(data.cases.map(\.name) == ["a", "b"])
            let part = try #require(data.target.labelledPart(.test))
            #expect(
                part.explanation.replacing(tree.path, with: "ROOT")
                    == (place.isEmpty
                        ? "the test images of ROOT (images/ folders)" : "the folder ROOT/Test beside ROOT/train"))
            #expect(try SegmentationData.testData(of: data)?.data.cases.map(\.name) == ["c"])
            #expect(data.target.labelledPart(.validation) == nil)
        }
    }

    @Test func aDataSetWithoutDivisionHasNoTestImages() throws {
        try TargetTree.make { tree in
            try tree.pictures([("a", [0, 1, 0, 0, 0, 0]), ("b", [0, 1, 0, 0, 0, 0])])
            #expect(try tree.labelled().target.labelledPart(.test) == nil)
        }
    }

    @Test func acdcTestPatientsAreFound() throws {
        try TargetTree.make { tree in
            for (part, patient) in [("training", "patient001"), ("training", "patient002"), ("testing", "patient101")] {
                let stem = "\(part)/\(patient)/\(patient)_frame01"
                try tree.volume(stem + ".nii.gz", base: Int(patient.suffix(3)) ?? 0)
                try tree.mask(stem + "_gt.nii.gz") { $0 == 0 ? 1 : 0 }
            }
            let data = try tree.labelled()
            #expect(data.cases.count == 2)
            #expect(try SegmentationData.testData(of: data)?.data.cases.map(\.name) == ["patient101_frame01"])
        }
    }
}
