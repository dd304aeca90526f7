// Slicing, emptiness, determinism and the real target set.

import Formats
import FoundationEssentials
import TestSupport
import Testing

@testable import Analyzer

@Suite struct SliceTests {
    private func axis(_ shape: [Int], _ spacing: SIMD3<Double>, _ order: [Int] = [0, 1, 2]) throws -> Int {
        var affine = Affine.identity
        for axis in 0..<3 {
            affine.linear.columns[axis] = [0, 0, 0]
            affine.linear.columns[axis][order[axis]] = spacing[axis]
        }
        let count = shape.reduce(1, *)
        let voxels = TensorView(
            dtype: .uint8, shape: Shape(shape.reversed()), bytes: Bytes(copying: [UInt8](repeating: 0, count: count)))
        return try SlicePlan.axis(
            of: Volume(voxels: voxels, geometry: VolumeGeometry(affine: affine)), choice: .automatic)
    }

    @Test func volumesAreCutAlongTheCoarsestSpacing() throws {
        #expect(try axis([8, 8, 8], [1, 1, 5]) == 2)
        #expect(try axis([8, 8, 8], [3, 1, 1]) == 0)
        #expect(try axis([8, 8, 8], [1, 1.2, 1]) == 1)
    }

    @Test func equalSpacingsGiveTheSlabsThinAxisElseAxialImages() throws {
        #expect(try axis([18, 8, 3], [1, 1, 1], [0, 2, 1]) == 2)  // a coronal slab, thin axis last
        #expect(try axis([3, 18, 8], [1, 1, 1]) == 0)
        #expect(try axis([16, 16, 16], [1, 1, 1]) == 2)
        #expect(try axis([16, 16, 16], [1, 1, 1], [1, 2, 0]) == 1)  // ASR: the second axis runs to the head
        #expect(try axis([16, 16, 16], [1, 1.005, 1]) == 2)  // within 1 %
        #expect(try axis([12, 14, 10], [1, 1, 1]) == 2)
    }

    @Test func aSinglePlaneIsThatPlane() throws {
        #expect(try axis([8, 1, 8], [1, 1, 9]) == 1)
        #expect(throws: FormatError.self) { try axis([8, 1, 1], [1, 1, 1]) }
    }

    @Test(arguments: [("axial", 2), ("coronal", 1), ("sagittal", 0), ("0", 0), ("1", 1)])
    func theAxisCanBeChosen(name: String, world: Int) throws {
        try TargetTree.make { tree in
            try tree.volume("v.nii", [4, 3, 2])
            var options = TargetOptions()
            options.sliceAxis = try #require(SliceAxis(name))
            options.dropsEmptySlices = false
            let target = try Target.open([tree.path], options: options)
            #expect(target.imageCount == [4, 3, 2][world])
            #expect(target.summary.planes == [["sagittal", "coronal", "axial"][world]: 1])
            #expect(SliceAxis("diagonal") == nil)
        }
    }

    @Test func emptySlicesAreLeftOutAndCounted() throws {
        try TargetTree.make { tree in
            var values = [Float](repeating: 0, count: 5 * 20 * 20)
            for index in 0..<400 { values[400 + index] = 7 }  // constant
            for index in 0..<3 { values[800 + index] = 100 }  // below 1 % of 400
            for index in 0..<4 { values[1200 + index] = 100 }  // exactly 1 %
            for index in 0..<400 { values[1600 + index] = Float(index) }
            let affine = Affine(linear: Matrix3(diagonal: [1, 1, 4]), translation: [0, 0, 0])
            let volume = try Volume(
                voxels: TensorView(floats: values, shape: [5, 20, 20]), geometry: VolumeGeometry(affine: affine))
            try volume.write(to: tree("v.nii.gz"))
            let target = try Target.open([tree.path])
            #expect(target.samples.map(\.identity) == ["v/3", "v/4"])
            #expect(target.summary.emptyCount == 3)
            #expect(target.summary.notes == ["3 empty images are left out"])
            var options = TargetOptions()
            options.dropsEmptySlices = false
            #expect(try Target.open([tree.path], options: options).imageCount == 5)
        }
    }

    @Test func aTargetOfEmptyImagesIsRefused() throws {
        try TargetTree.make { tree in
            try tree.gray("a.png", [0, 0, 0, 0, 0, 0])
            #expect(
                tree.refusal { try Target.open([tree.path]) }
                    == "ROOT: every image is empty (1); --keep-empty takes them if they are meant")
        }
    }
}

@Suite struct TargetTests {
    @Test func theSameFilesGiveTheSameTargetWhateverOrderPlaceAndThreads() throws {
        try TargetTree.make { tree in
            for name in ["p1_s1", "p1_s2", "p2_s1"] {
                try tree.gray("one/\(name).png", (0..<6).map { $0 * UInt8(name.count) })
            }
            try FileManager.default.copyItem(atPath: tree.path + "/one", toPath: tree.path + "/two")
            let first = try Target.open([tree.path + "/one"])
            var options = TargetOptions()
            options.threads = 1
            let names = ["p2_s1", "p1_s2", "p1_s1"].map { tree.path + "/two/\($0).png" }
            let second = try Target.open(names, options: options)
            #expect(first.samples == second.samples)
            #expect(first.summary.contentHash == second.summary.contentHash)
            #expect((0..<3).map { first.identity(of: $0) } == (0..<3).map { second.identity(of: $0) })
            #expect(first.cases == [0, 0, 1])
            #expect(first.summary.caseCount == 2)
            #expect(first.summary.fileCount == 3)
            #expect(first.summary.notes == ["by their names the 3 files are slices or frames of 2 cases"])
            try tree.gray("two/p1_s1.png", [9, 9, 9, 9, 9, 8])
            #expect(try Target.open(names).summary.contentHash != first.summary.contentHash)
        }
    }

    @Test func filesThatVanishOrChangeAreNoticed() throws {
        try TargetTree.make { tree in
            try tree.gray("a.png")
            try tree.gray("b.png")
            let target = try Target.open([tree.path])
            try tree.gray("a.png", [1, 2, 3, 4, 5, 6])
            try FileManager.default.removeItem(atPath: tree.path + "/b.png")
            #expect(tree.refusal { try target.image(0) }.hasPrefix("ROOT/a.png: content: expected "))
            #expect(tree.refusal { try target.image(1) } == "ROOT/b.png: cannot open: No such file or directory")
        }
    }

    @Test func damagedFilesAreNamedInCaseOrder() throws {
        try TargetTree.make { tree in
            for name in 1...5 { try tree.volume("v\(name).nii") }
            try tree.text("v3.nii", "junk")
            try tree.text("v4.nii", "junk")
            #expect(tree.refusal { try Target.open([tree.path]) }.hasPrefix("ROOT/v3.nii: this is "))
        }
    }

    @Test func masksOfAnotherSizeAreRefusedWhenTheyAreNeeded() throws {
        try TargetTree.make { tree in
            try tree.volume("imagesTr/a_0000.nii.gz")
            try tree.volume("labelsTr/a.nii.gz", [4, 3, 3])
            let target = try Target.open([tree.path])
            #expect(
                tree.refusal { try target.labels(0) }
                    == "ROOT/labelsTr/a.nii.gz: mask: expected 4×3×2 as its image, found 4×3×3; "
                    + "give the mask of this very image")
        }
    }

    @Test func preparedImagesAreKeptWithinTheBudgetOnly() throws {
        let cache = TargetCache(caseLimit: 1, byteLimit: 8)
        cache.keep([1], as: 0)
        cache.keep([2], as: 1)
        cache.keep([3], as: 2)
        #expect(cache.image(0) == [1])
        #expect(cache.image(1) == [2])
        #expect(cache.image(2) == nil)
    }
}

@Suite struct RealTargetTests {
    @Test func theFixtureTargetOpens() throws {
        var options = TargetOptions()
        options.split = .all
        let target = try Target.open([TestData.fixtures + "/target"], options: options)
        #expect(target.summary.layout == .nnunet)
        #expect(target.summary.caseCount == 13)
        #expect(target.imageCount == 104)
        #expect(target.summary.maskCount == 13)
        #expect(target.summary.planes == ["axial": 7, "coronal": 3, "sagittal": 3])
        #expect(target.summary.sliceSpacing == 1...1)
        #expect(target.imageShape == ImageShape(channels: 1, height: 224, width: 224))
        #expect(Set(target.cases ?? []).count == 13)
        let image = try target.image(40)
        #expect(image.count == 224 * 224)
        #expect(image.min() == 0 && image.max() ?? 0 <= 1)
        let labels = try #require(try target.labels(20))
        #expect(Set(labels.values) == [0, 1, 2])
    }

    /// The PNGs beside the NIfTI files were made by nibabel and Pillow from the same slices: rows from the top down,
    /// padded to a square, Pillow's bilinear (8-bit rounding in each pass), masks nearest.
    @Test(.enabled(if: TestData.shared != nil, "\(TestData.sharedMissing)"))
    func slicesOfVolumesAreThePNGsThatNibabelAndPillowMade() throws {
        let root = try #require(TestData.shared) + "/bundle/target/T1_brain"
        var options = TargetOptions()
        options.preparation.fit = .pad
        options.preparation.normalization = .full
        (options.preparation.height, options.preparation.width) = (128, 128)
        options.dropsEmptySlices = false
        let volumes = try Target.open([root + "/nnunet"], options: options)
        let pictures = try Target.open([root + "/png"], options: options)
        #expect(volumes.imageCount == 64)
        #expect(pictures.imageCount == 64)
        #expect(pictures.cases == volumes.cases)
        var worst: Float = 0
        var agreeing = 0
        for image in 0..<64 {
            let (one, other) = (try volumes.image(image), try pictures.image(image))
            worst = max(worst, zip(one, other).map { abs($0 - $1) }.max() ?? 1)
            let masks = (try volumes.preparedLabels(image), try pictures.preparedLabels(image))
            agreeing += zip(masks.0?.values ?? [], masks.1?.values ?? []).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
        }
        #expect(worst < 1.6 / 255, "\(worst * 255)")
        #expect(agreeing == 64 * 128 * 128, "\(agreeing)")
    }
}
