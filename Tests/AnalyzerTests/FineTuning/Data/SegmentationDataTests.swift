// Opening labelled data: indices, counts, and every refusal with the file's name.

import Formats
import FoundationEssentials
import TestSupport
import Testing

@testable import Analyzer

@Suite struct SegmentationDataTests {
    @Test func labelsAreClassIndicesWhateverTheFilesValues() throws {
        try TargetTree.make { tree in
            try tree.pictures([("a", [0, 255, 255, 0, 0, 0]), ("b", [255, 255, 0, 0, 0, 0])])
            let data = try tree.labelled()
            #expect(data.scheme.description == "background=0,foreground=255")
            #expect(data.schemeOrigin == .found)
            #expect(try data.labels(0) == [0, 1, 1, 0, 0, 0])
            #expect(try data.labels(1) == [1, 1, 0, 0, 0, 0])
            #expect(data.images.map(\.pixels) == [[4, 2], [4, 2]])
            #expect(try data.image(1) == (0..<6).map { Float(Double($0 * 40 + 1) / 255) })
            #expect(data.warnings.isEmpty)
        }
    }

    @Test func ignoredPixelsHaveAnIndexOfTheirOwnAndAreNotCounted() throws {
        try TargetTree.make { tree in
            try tree.pictures([("a", [0, 1, 9, 9, 9, 0]), ("b", [1, 1, 1, 0, 0, 0])])
            let data = try tree.labelled(scheme: LabelScheme(parsing: "background=0,lesion=1,ignore=9"))
            #expect(try data.labels(0) == [0, 1, 255, 255, 255, 0])
            #expect(data.images.map(\.pixels) == [[2, 1], [3, 3]])
            #expect(data.images.map(\.ignoredPixels) == [3, 0])
            #expect(data.report.ignoredShare == 0.25)
        }
    }

    @Test func volumesAreCutAsTheirImagesAndKeepTheirSpacing() throws {
        try TargetTree.make { tree in
            try tree.nnunet([2, 1], json: #"{"channel_names":{"0":"MRI"},"labels":{"background":0,"x":1,"y":2}}"#)
            let data = try tree.labelled { _, target in (target.preparation.height, target.preparation.width) = (3, 4) }
            #expect(data.schemeOrigin == .description)
            #expect(data.imageCount == 4)
            #expect(data.cases.map(\.images) == [0..<2, 2..<4])
            #expect(data.cases[0].spacing == SIMD3(5, 1, 1))
            #expect(data.cases[0].volumeShape == [4, 3, 2])
            #expect(data.images.map(\.pixels) == [[10, 1, 1], [12, 0, 0], [10, 2, 0], [12, 0, 0]])
            for image in 0..<4 {
                let expected = try #require(try data.target.preparedLabels(image))
                #expect(try data.labels(image) == expected.values.map { UInt8($0) })
                #expect(try data.image(image) == data.target.image(image))
            }
            #expect(try data.sourceLabels(ofCase: 0) == [data.labels(0), data.labels(1)])
        }
    }

    @Test func aPaddedBorderIsBackgroundWhateverItsValueInTheFile() throws {
        try TargetTree.make { tree in
            try tree.pictures([("a", [5, 0, 5, 5, 0, 5]), ("b", [5, 5, 5, 0, 0, 0])])
            let data = try tree.labelled(scheme: LabelScheme(parsing: "background=5,lesion=0")) { _, target in
                (target.preparation.height, target.preparation.width) = (3, 3)
                target.preparation.fit = .pad
            }
            // Two rows of three pixels become three: the border adds one.
            #expect(try data.labels(0) == [0, 1, 0, 0, 1, 0, 0, 0, 0])
            #expect(data.images[0].preparedPixels == [7, 2])
            #expect(data.images[0].pixels == [4, 2])
        }
    }

    @Test(arguments: [0, 40, 1 << 20])
    func imagesAndLabelsAreTheSameWhereverTheyAreKept(budget: Int) throws {
        try TargetTree.make { tree in
            try tree.nnunet([2, 1, 2])
            let plain = try tree.labelled()
            for folder in [tree.path, nil] {
                let data = try tree.labelled { options, _ in
                    (options.cacheBytes, options.scratchFolder) = (budget, folder)
                }
                let usage = data.store.usage
                #expect(usage.memoryBytes == min(budget / 30, 6) * 30)
                #expect(usage.filedImages == (folder == nil ? 0 : 6 - usage.memoryBytes / 30))
                for image in 0..<6 {
                    #expect(try data.image(image) == plain.image(image))
                    #expect(try data.labels(image) == plain.labels(image))
                }
            }
            // The scratch file has no name.
            #expect(try TestData.files(in: tree.path) == ["imagesTr", "labelsTr"])
        }
    }

    @Test func threadsChangeNothingAndProgressIsTold() throws {
        try TargetTree.make { tree in
            try tree.nnunet([2, 1, 2, 2, 1])
            let one = try tree.labelled { _, target in target.threads = 1 }
            let many = try tree.labelled { _, target in target.threads = 5 }
            #expect(one.images == many.images)
            #expect(one.cases == many.cases)
            #expect(throws: AnalyzerError.cancelled) {
                try SegmentationData.open(one.target, isCancelled: { true })
            }
        }
    }

    // MARK: Refusals

    @Test func valuesOutsideTheClassesAreRefusedWithTheFileAndWhatToSay() throws {
        try TargetTree.make { tree in
            try tree.nnunet([1, 3, 3], json: #"{"channel_names":{"0":"MRI"},"labels":{"background":0,"x":1}}"#)
            #expect(
                tree.refusal { try tree.labelled() }
                    == "ROOT/labelsTr/b.nii.gz: label values: expected background=0,x=1 (by dataset.json), found "
                    + "3 (1 pixel), as in 2 of 3 masks; correct the mask, or say --classes "
                    + "background=0,x=1,NAME=3 (NAME 'ignore' leaves such pixels out)")
        }
    }

    @Test func masksOf255AreNotTakenForClassOneButExplained() throws {
        try TargetTree.make { tree in
            try tree.pictures([("a", [0, 255, 255, 0, 0, 0])])
            #expect(
                tree.refusal { try tree.labelled(scheme: LabelScheme(parsing: "background=0,lesion=1")) }
                    == "ROOT/masks/a.png: label values: expected background=0,lesion=1 (the given classes), found "
                    + "255 (2 pixels); correct the mask, or say --classes background=0,lesion=255 "
                    + "(NAME 'ignore' leaves such pixels out)")
        }
    }

    @Test func masksOfAnotherShapeAreRefused() throws {
        try TargetTree.make { tree in
            try tree.nnunet([1])
            try tree.mask("labelsTr/a.nii.gz", [4, 3, 3]) { _ in 1 }
            #expect(
                tree.refusal { try tree.labelled() }
                    == "ROOT/labelsTr/a.nii.gz: mask: expected 4×3×2 as its image, found 4×3×3; "
                    + "give the mask of this very image")
        }
        try TargetTree.make { tree in
            try tree.gray("images/a.png")
            try tree.gray("masks/a.png", [0, 1, 1, 0], [2, 2])
            #expect(tree.refusal { try tree.labelled() }.hasPrefix("ROOT/masks/a.png: mask: expected 2×3 as its image"))
        }
    }

    @Test func aMaskInAnotherPlaceIsPairedByIndexAndSaidSo() throws {
        try TargetTree.make { tree in
            try tree.nnunet([2, 2, 2, 2])
            try tree.mask("labelsTr/a.nii.gz", spacing: [1, 1, 2]) { $0 == 0 ? 1 : 0 }
            try tree.mask("labelsTr/b.nii.gz", origin: [40, 0, 0]) { $0 == 0 ? 1 : 0 }
            try tree.mask("labelsTr/c.nii.gz", spacing: [-1, 1, 5]) { $0 == 0 ? 1 : 0 }
            let warnings = try tree.labelled().warnings.filter { $0.kind == .mask }
            #expect(warnings.map(\.isSerious) == [true, true, true])
            #expect(
                warnings.map(\.message) == [
                    "a: the mask's voxels are 1×1×2 mm, the image's 1×1×5; they are paired by index",
                    "b: the mask lies up to 40 mm from its image; voxels are paired by index",
                    "c: the mask's axes run LAS, the image's RAS, so it may be mirrored or turned; "
                        + "voxels are paired by index",
                ])
        }
    }

    @Test func aTargetWithoutMasksIsRefusedAndCasesWithoutOneAreLeftOut() throws {
        try TargetTree.make { tree in
            try tree.nnunet([2, 2, 2])
            try FileManager.default.removeItem(atPath: tree.path + "/labelsTr/b.nii.gz")
            let data = try tree.labelled()
            #expect(data.cases.map(\.name) == ["a", "c"])
            #expect(data.images.map(\.number) == [0, 1, 4, 5])
            #expect(data.unlabelledCases == ["b"])
            #expect(data.warnings.first { $0.kind == .unlabelled }?.message == "1 case has no mask and is left out: b")
            try FileManager.default.removeItem(atPath: tree.path + "/labelsTr")
            #expect(
                tree.refusal { try tree.labelled() }
                    == "ROOT: none of the 3 cases has a mask; training needs labels: labelsTr beside imagesTr, masks/ "
                    + "beside images/, or _gt files")
        }
    }

    @Test func aClassThatOccursNowhereIsRefusedInTrainingAndToldInEvaluation() throws {
        try TargetTree.make { tree in
            try tree.pictures([("a", [0, 1, 0, 0, 0, 0]), ("b", [0, 1, 0, 0, 0, 0])])
            let scheme = try LabelScheme(parsing: "background=0,organ=1,tumour=2,ignore=9")
            #expect(
                tree.refusal { try tree.labelled(scheme: scheme) }
                    == "ROOT: no pixel of 'tumour' (value 2) in any of 2 masks, though declared by --classes; leave it "
                    + "out with --classes background=0,organ=1,ignore=9, or add cases that have it")
            let data = try tree.labelled(scheme: scheme, use: .evaluation)
            #expect(
                data.warnings.map(\.message) == [
                    "class 'tumour' occurs in no mask: its measures are undefined"
                ])
            let empty = try LabelScheme(parsing: "background=0,tumour=2,ignore=1")
            #expect(
                tree.refusal { try tree.labelled(scheme: empty) }.hasSuffix(
                    "there is nothing but background to learn; give other masks"))
        }
    }

    @Test func anImageInPlaceOfAMaskIsRefused() throws {
        try TargetTree.make { tree in
            try tree.volume("imagesTr/a_0000.nii.gz", [20, 20, 2])
            try tree.mask("labelsTr/a.nii.gz", [20, 20, 2]) { Int16($0) }
            #expect(
                tree.refusal { try tree.labelled() }
                    == "ROOT/labelsTr/a.nii.gz: mask: expected at most 254 different labels, found more; give a mask "
                    + "of class numbers, not an image or a smoothed mask")
        }
    }

    @Test func aMaskThatChangedSinceIsNoticed() throws {
        try TargetTree.make { tree in
            try tree.pictures([("a", [0, 1, 0, 0, 0, 0]), ("b", [0, 1, 0, 0, 0, 0])])
            let data = try tree.labelled { options, _ in (options.cacheBytes, options.scratchFolder) = (0, nil) }
            try tree.gray("masks/a.png", [1, 1, 0, 0, 0, 0])
            #expect(tree.refusal { try data.labels(0) }.hasPrefix("ROOT/masks/a.png: content: expected "))
        }
    }

    @Test func arraysHaveMasksToo() throws {
        try TargetTree.make { tree in
            func array(_ name: String, _ values: [UInt8]) throws {
                let bytes = Bytes(copying: values)
                try NumPy.write(TensorView(dtype: .uint8, shape: [2, 5, 5], bytes: bytes), to: tree(name))
            }
            try array("images/a.npy", (0..<50).map { UInt8($0) })
            try array("masks/a.npy", (0..<50).map { $0 == 7 || $0 == 30 ? 1 : 0 })
            let data = try tree.labelled { _, target in (target.preparation.height, target.preparation.width) = (5, 5) }
            #expect(data.images.map(\.pixels) == [[24, 1], [24, 1]])
            #expect(try data.labels(1).firstIndex(of: 1) == 5)
            #expect(!data.cases[0].isVolume && data.cases[0].spacing == nil)
        }
    }
}
