// Every layout is told by its content, and what does not fit is said in one line.

import Formats
import Testing

@testable import Analyzer

@Suite struct LayoutTests {
    private func open(_ path: String, _ change: (inout TargetOptions) -> Void = { _ in }) throws -> Target {
        var options = TargetOptions()
        options.preparation.height = 4
        options.preparation.width = 4
        change(&options)
        return try Target.open([path], options: options)
    }

    private func identities(_ target: Target) -> [String] { target.samples.map(\.identity) }

    @Test func nnunetCasesAreListedByChannelWithTheirMasks() throws {
        try TargetTree.make { tree in
            try tree.text(
                "d/dataset.json",
                #"{"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0}, "file_ending": ".nii.gz"}"#)
            for name in ["heart_10", "heart_2"] {
                try tree.volume("d/imagesTr/\(name)_0000.nii.gz")
                try tree.volume("d/imagesTr/\(name)_0001.nii.gz", base: 7)
            }
            try tree.volume("d/labelsTr/heart_2.nii.gz")
            try tree.volume("d/labelsTr/gone.nii.gz")
            try tree.text("d/imagesTr/._heart_2_0000.nii.gz", "AppleDouble")
            try tree.text("d/imagesTr/notes.txt", "x")
            let target = try open(tree.path + "/d")
            #expect(target.summary.layout == .nnunet)
            #expect(identities(target) == ["heart_2/0", "heart_2/1", "heart_10/0", "heart_10/1"])
            #expect(target.cases == [0, 0, 1, 1])
            #expect(target.summary.maskCount == 1)
            #expect(
                target.summary.notes == [
                    "left out of imagesTr, not named {case}_0000.nii.gz (1): notes.txt",
                    "cases without a label file in labelsTr (1): heart_10",
                    "label files in labelsTr without an image (1): gone.nii.gz",
                    "2 of 2 files: channel 0 of 2 (0…1) is used; '--channel' takes another",
                ])
            #expect(target.imageShape == ImageShape(channels: 1, height: 4, width: 4))
            let second = try open(tree.path) { $0.channels = [1] }
            #expect(try second.image(0) == target.image(0))  // the same up to a constant
            #expect(second.summary.contentHash != target.summary.contentHash)
            let all = try open(tree.path) { $0.channels = [0, 1, 0] }
            #expect(all.imageShape.channels == 3)
            #expect(!all.summary.notes.contains { $0.contains("--channel") })
            #expect(
                tree.refusal { try open(tree.path) { $0.channels = [2] } }
                    == "ROOT/d/imagesTr: case heart_2: expected a file for channel 2, found channels 0, 1; "
                    + "choose with --channel")
        }
    }

    @Test func nnunetTakesTestImagesOnlyWhenAskedOrAlone() throws {
        try TargetTree.make { tree in
            try tree.text("dataset.json", #"{"channel_names": {"0": "CT"}, "file_ending": ".nii"}"#)
            try tree.volume("imagesTs/t_0000.nii")
            #expect(
                try open(tree.path).summary.notes == [
                    "the images are CT: '--normalize ct' shows soft tissue (-160…240 HU) instead of per-volume percentiles",
                    "there is no imagesTr: imagesTs is used",
                ])
            try tree.volume("imagesTr/a_0000.nii")
            #expect(try identities(open(tree.path)) == ["a/0", "a/1"])
            #expect(try identities(open(tree.path) { $0.split = .test }) == ["t/0", "t/1"])
            #expect(try open(tree.path) { $0.split = .all }.imageCount == 4)
            #expect(
                tree.refusal { try open(tree.path) { $0.split = .validation } }
                    == "--split 'validation': expected train, test or all; the layout nnU-Net raw has no validation images "
                    + "of its own")
        }
    }

    @Test func nnunetCasesNamedInDatasetJSONAreFollowed() throws {
        try TargetTree.make { tree in
            try tree.volume("elsewhere/one.nii.gz")
            try tree.volume("elsewhere/one_label.nii.gz")
            try tree.text(
                "dataset.json",
                #"{"channel_names": {"0": "MRI"}, "file_ending": ".nii.gz", "dataset": {"case_1": "#
                    + #"{"images": ["elsewhere/one.nii.gz"], "label": "elsewhere/one_label.nii.gz"}}}"#)
            let target = try open(tree.path)
            #expect(identities(target) == ["case_1/0", "case_1/1"])
            #expect(target.summary.maskCount == 1)
        }
    }

    @Test func decathlonChannelsAreTheFourthAxis() throws {
        try TargetTree.make { tree in
            try tree.text(
                "Task01/dataset.json",
                #"{"modality": {"0": "FLAIR", "1": "T1w"}, "tensorImageSize": "4D", "training": ["#
                    + #"{"image": "./imagesTr/b_2.nii.gz", "label": "./labelsTr/b_2.nii.gz"}, "#
                    + #"{"image": "./imagesTr/gone.nii.gz", "label": "./labelsTr/gone.nii.gz"}], "#
                    + #""test": ["./imagesTs/b_9.nii.gz"]}"#)
            try tree.volume("Task01/imagesTr/b_2.nii.gz", frames: 2)
            try tree.volume("Task01/labelsTr/b_2.nii.gz")
            try tree.volume("Task01/imagesTs/b_9.nii.gz", frames: 2)
            try tree.text("Task01/imagesTr/._b_2.nii.gz", "AppleDouble")
            let target = try open(tree.path + "/Task01")
            #expect(target.summary.layout == .decathlon)
            #expect(identities(target) == ["b_2/0", "b_2/1"])
            #expect(
                target.summary.notes == [
                    "listed in dataset.json but missing (1): gone",
                    "b_2: channel 0 of 2 (0…1) along the fourth axis is used; '--channel' takes another",
                ])
            #expect(try identities(open(tree.path) { $0.split = .all }) == ["b_2/0", "b_2/1", "b_9/0", "b_9/1"])
            #expect(
                tree.refusal { try open(tree.path) { $0.channels = [2] } }
                    == "ROOT/Task01/imagesTr/b_2.nii.gz: fourth axis (channels): expected channel 2, found 2 channels, "
                    + "counted from 0; choose with --channel")
        }
    }

    @Test func acdcTakesLabelledFramesAndGroupsThemByPatient() throws {
        try TargetTree.make { tree in
            for patient in ["patient001", "patient002"] {
                for frame in ["frame01", "frame12"] {
                    try tree.volume("ACDC/training/\(patient)/\(patient)_\(frame).nii.gz")
                    try tree.volume("ACDC/training/\(patient)/\(patient)_\(frame)_gt.nii.gz")
                }
                try tree.volume("ACDC/training/\(patient)/\(patient)_4d.nii.gz", frames: 3)
            }
            try tree.volume("ACDC/testing/patient101/patient101_4d.nii.gz", frames: 3)
            try tree.text("ACDC/testing/patient101/Info.cfg", "ED: 1\nES: 3\nGroup: DCM\n")
            let target = try open(tree.path)
            #expect(target.summary.layout == .acdc)
            #expect(target.summary.caseCount == 2)
            #expect(target.summary.fileCount == 4)
            #expect(target.summary.maskCount == 4)
            #expect(target.cases == [0, 0, 0, 0, 1, 1, 1, 1])
            #expect(identities(target).first == "patient001_frame01/0")
            #expect(target.summary.notes == [])
            let test = try open(tree.path) { $0.split = .test }
            #expect(
                test.samples.map(\.caseName) == [
                    "patient101_frame01", "patient101_frame01", "patient101_frame03", "patient101_frame03",
                ])
            #expect(test.cases == [0, 0, 0, 0])
            try tree.text("ACDC/testing/patient101/Info.cfg", "ED: 1\nES: 9\n")
            #expect(
                tree.refusal { try open(tree.path) { $0.split = .test } }
                    == "ROOT/ACDC/testing/patient101/patient101_4d.nii.gz: frame: expected 1 to 3, found 9; correct Info.cfg beside it"
            )
        }
    }

    @Test func imageFoldersArePairedWithTheirMasks() throws {
        try TargetTree.make { tree in
            try tree.gray("images/b.png")
            try tree.gray("images/A.png")
            try tree.gray("images/c.PNG")
            try tree.gray("Masks/a_mask.png", [0, 1, 1, 0, 1, 0])
            try tree.gray("Masks/b.png", [0, 1, 1, 0, 1, 0])
            try tree.gray("Masks/z_gt.png")
            try tree.text("images/Thumbs.db", "x")
            try tree.text("images/readme.txt", "x")
            let target = try open(tree.path)
            #expect(target.summary.layout == .imageFolders)
            #expect(identities(target) == ["A", "b", "c"])
            #expect(target.summary.maskCount == 2)
            #expect(
                target.summary.notes == [
                    "left out of images, no NIfTI, PNG or .npy (1): readme.txt", "images without a mask (1): c",
                    "masks without an image (1): z",
                ])
            #expect(try target.labels(0)?.values == [0, 1, 1, 0, 1, 0])
            #expect(try target.labels(2) == nil)
        }
    }

    @Test(arguments: ["%/images", "images/%"])
    func splitsMayLieAboveOrBelow(pattern: String) throws {
        func place(_ split: String, _ kind: String) -> String {
            pattern.replacing("%", with: split).replacing("images", with: kind)
        }
        try TargetTree.make { tree in
            try tree.gray(place("train", "images") + "/x.png")
            try tree.gray(place("train", "masks") + "/x_seg.png", [0, 0, 1, 1, 2, 2])
            try tree.gray(place("test", "images") + "/x.png")
            let train = try open(tree.path)
            #expect(identities(train) == ["x"])
            #expect(try train.labels(0)?.values == [0, 0, 1, 1, 2, 2])
            #expect(try identities(open(tree.path) { $0.split = .all }).count == 2)
            #expect(
                tree.refusal { try open(tree.path) { $0.split = .validation } }.contains(
                    "split 'validation': expected a folder val or valid or validation, found train, test"))
        }
    }

    @Test func filesAndFoldersOfFilesAreTakenAsTheyAre() throws {
        try TargetTree.make { tree in
            try tree.gray("i10.png")
            try tree.gray("i9.png")
            try tree.volume("v.nii.gz")
            try tree.volume("pair.hdr")
            let target = try open(tree.path)
            #expect(target.summary.layout == .files)
            #expect(identities(target) == ["i9", "i10", "pair/0", "pair/1", "v/0", "v/1"])
            let listed = try Target.open(["i10.png", "pair.hdr", "pair.img"].map { tree.path + "/" + $0 })
            #expect(listed.samples.map(\.identity) == ["i10", "pair/0", "pair/1"])
            #expect(listed.summary.place == "3 files")
        }
    }

    @Test func arraysHoldOneImageOfEachNumber() throws {
        try TargetTree.make { tree in
            let values = (0..<2 * 3 * 5 * 6).map { UInt8($0) }
            let bytes = Bytes(copying: values)
            try NumPy.write(TensorView(dtype: .uint8, shape: [6, 5, 6], bytes: bytes), to: tree("gray.npy"))
            let gray = try open(tree.path + "/gray.npy")
            #expect(gray.imageCount == 6)
            #expect(gray.cases == [0, 1, 2, 3, 4, 5])
            #expect(gray.imageShape.channels == 1)
            try NumPy.write(TensorView(dtype: .uint8, shape: [2, 3, 5, 6], bytes: bytes), to: tree("rgb.npy"))
            let rgb = try open(tree.path + "/rgb.npy") { ($0.preparation.height, $0.preparation.width) = (5, 6) }
            #expect(rgb.imageShape.channels == 3)
            #expect(try rgb.image(1) == values[90...].map { Float($0) / 255 })
            #expect(rgb.summary.notes == [])
            try NumPy.write(TensorView(dtype: .uint8, shape: [2, 5, 3, 6], bytes: bytes), to: tree("five.npy"))
            let five = try open(tree.path + "/five.npy") { options in
                (options.preparation.height, options.preparation.width) = (3, 6)
                options.channels = [4]
            }
            #expect(five.summary.notes == ["five: channel 4 of 5 (0…4) is used; '--channel' takes another"])
            #expect(try five.image(0) == values[72..<90].map { Float($0) / 255 })
            try NumPy.write(TensorView(dtype: .uint8, shape: [3, 20, 3], bytes: bytes), to: tree("last.npy"))
            #expect(
                tree.refusal { try open(tree.path + "/last.npy") }
                    == "ROOT/last.npy: array: expected N×H×W or N×C×H×W, found 3×20×3, whose last axis looks like colours; "
                    + "move it in front of the rows")
        }
    }
}

@Suite struct LayoutRefusalTests {
    private func refusal(_ tree: TargetTree, _ name: String = "") -> String {
        tree.refusal { try Target.open([tree.path + name]) }
    }

    @Test func emptyAndForeignFoldersAreNamed() throws {
        try TargetTree.make { tree in
            let advice =
                "; give an nnU-Net, Decathlon or ACDC data set, a folder with images/, or NIfTI, PNG or .npy files"
            #expect(refusal(tree) == "ROOT: the folder is empty" + advice)
            try tree.text("a.jpg", "x")
            try tree.text("b.jpg", "x")
            try tree.text("c.dcm", "x")
            #expect(refusal(tree) == "ROOT: no images here (2 .jpg, 1 .dcm files)" + advice)
            #expect(refusal(tree, "/none") == "ROOT/none: cannot open: no such file or folder")
            #expect(
                refusal(tree, "/c.dcm").hasPrefix("ROOT/c.dcm: this is "), "\(refusal(tree, "/c.dcm"))")
        }
    }

    @Test func twoDataSetsInOneFolderAreAmbiguous() throws {
        try TargetTree.make { tree in
            try tree.volume("nnunet/imagesTr/a_0000.nii.gz")
            try tree.gray("png/images/a.png")
            #expect(
                refusal(tree)
                    == "ROOT: this holds 2 data sets: nnunet (nnU-Net raw), png (images/ folders); give one of them")
        }
    }

    @Test func foldersAmongFilesAndBrokenDescriptionsAreRefused() throws {
        try TargetTree.make { tree in
            try tree.gray("a.png")
            let text = tree.refusal { try Target.open([tree.path + "/a.png", tree.path]) }
            #expect(text == "ROOT: this is a folder among 2 paths; give one folder, or files only")
            try tree.text("d/dataset.json", "{\"channel_names\": ")
            try tree.volume("d/imagesTr/a_0000.nii.gz")
            #expect(refusal(tree, "/d").hasPrefix("ROOT/d/dataset.json: dataset.json"), "\(refusal(tree, "/d"))")
            try tree.text("d/dataset.json", #"{"channel_names": {"0": "RGB"}, "file_ending": ".tif"}"#)
            #expect(
                refusal(tree, "/d")
                    == "ROOT/d/dataset.json: file_ending '.tif' is not supported; convert the images to .nii.gz or .png"
            )
            #expect(
                tree.refusal { try Target.open([]) } == "--target '': expected a folder or image files")
        }
    }

    @Test func badOptionsAreRefused() throws {
        try TargetTree.make { tree in
            try tree.gray("a.png")
            var options = TargetOptions()
            options.channels = [0, 1]
            #expect(
                tree.refusal { try Target.open([tree.path], options: options) }
                    == "--channel '0,1': expected one channel or three, counted from 0")
            options.channels = [0]
            options.preparation.width = 0
            #expect(
                tree.refusal { try Target.open([tree.path], options: options) }
                    == "--image-size '224×0': expected sides of 1 to 8192 pixels")
            #expect(
                tree.refusal { try Normalization("percentile:99,1") }
                    == "--normalize 'percentile:99,1': expected auto, percentile[:LOW,HIGH], ct[:LOW,HIGH], "
                    + "window:LOW,HIGH, zscore[:CLIP], minmax or none")
        }
    }
}

@Suite struct NameTests {
    @Test func namesSortAsPeopleCount() {
        let names = ["b", "a10", "a2", "A1", "a02", "a", "a2b", "ä"]
        #expect(names.sorted(by: naturallyPrecedes) == ["a", "A1", "a02", "a2", "a2b", "a10", "b", "ä"])
        #expect(names.reversed().sorted(by: naturallyPrecedes) == names.sorted(by: naturallyPrecedes))
    }

    @Test(
        arguments: [
            ("brain_001_s042", "brain_001"), ("p3-slice7", "p3"), ("patient001_frame01", "patient001"), ("x_z_12", "x"),
            ("image_012", nil), ("slice_3", nil), ("s12", nil), ("cells12", nil), ("frames_7", nil),
        ] as [(String, String?)])
    func onlyMarkedNumbersTellSlices(name: String, prefix: String?) { #expect(CaseGrouping.prefix(of: name) == prefix) }

    @Test func groupingThatTellsNothingApartIsLeftOut() {
        #expect(CaseGrouping.groups(of: ["a_s1", "a_s2", "b_s1"]) == ["a", "a", "b"])
        #expect(CaseGrouping.groups(of: ["img_s1", "img_s2"]) == nil)
        #expect(CaseGrouping.groups(of: ["a", "b"]) == nil)
    }

    @Test func filesOfOneNameAreToldApartByEndingOrFolder() {
        #expect(FileLayout.uniqueNames(["/x/a.png", "/x/b.png"]) == ["a", "b"])
        #expect(FileLayout.uniqueNames(["/x/a.png", "/x/a.nii.gz"]) == ["a.png", "a.nii.gz"])
        #expect(FileLayout.uniqueNames(["/x/1/a.png", "/x/2/a.png"]) == ["1/a", "2/a"])
    }
}
