// Volumes read as nibabel reads them, and survive a rewrite.

import Formats
import TestSupport
import Testing

@Suite struct VolumeGoldenTests {
    @Test func everyGoldenFileIsThere() { #expect(VolumeGolden.names.count >= 97) }

    @Test(arguments: VolumeGolden.names)
    func voxelsScalingAndAffineAreThoseNibabelReads(name: String) throws {
        let golden = try #require(VolumeGolden.all[name])
        let volume = try Volume(reading: "\(VolumeGolden.folder)/\(name)")
        #expect(volume.shape == golden.shape)
        #expect(volume.type.description == golden.dtype)
        #expect(Inflate.crc32(volume.voxels.bytes) == golden.storedCRC)
        #expect(checksum(volume.floats()) == golden.floatCRC)
        #expect(volume.scaling == VoxelScaling(slope: golden.slope, intercept: golden.intercept))
        let affine = Affine(rows: golden.affine)
        #expect(volume.geometry.affine.largestDifference(from: affine) < 1e-6, "\(volume.geometry.affine)")
        #expect(volume.axisCodes == golden.axisCodes)
        if let code = golden.qformCode { #expect(volume.geometry.qform?.code ?? 0 == code) }
        if let code = golden.sformCode { #expect(volume.geometry.sform?.code ?? 0 == code) }
        if let text = golden.description {
            #expect(volume.header.description.description == String(text.prefix { $0 != "\0" }))
        }
        if let codes = golden.extensions { #expect(volume.header.extensions.map(\.code) == codes) }
    }

    @Test(arguments: VolumeGolden.names.filter { VolumeGolden.all[$0]?.canonical != nil })
    func canonicalOrientationIsNibabelsAndCanBeUndone(name: String) throws {
        let golden = try #require(VolumeGolden.all[name]?.canonical)
        let volume = try Volume(reading: "\(VolumeGolden.folder)/\(name)")
        let (canonical, way) = volume.canonical()
        #expect(canonical.shape == golden.shape)
        #expect(canonical.axisCodes == "RAS")
        #expect(canonical.geometry.affine.largestDifference(from: Affine(rows: golden.affine)) < 1e-5)
        #expect(Inflate.crc32(canonical.voxels.bytes) == golden.storedCRC)
        let back = try way.undo(canonical)
        #expect(back.voxels.bytes.array == volume.voxels.bytes.array)
        #expect(back.shape == volume.shape)
        #expect(back.geometry == volume.geometry)
        #expect(back.header.dimInfo == volume.header.dimInfo)
    }

    @Test(arguments: VolumeGolden.names)
    func aRewriteKeepsVoxelsGeometryCodesAndFacts(name: String) throws {
        let volume = try Volume(reading: "\(VolumeGolden.folder)/\(name)")
        try withTemporaryFolder { folder in
            for container in ["a.nii", "a.nii.gz", "b.img", "c.hdr.gz"] {
                let path = "\(folder)/\(container)"
                try volume.write(to: path)
                let copy = try Volume(reading: path)
                #expect(copy.shape == volume.shape)
                #expect(copy.type == volume.type)
                #expect(copy.voxels.bytes.array == volume.voxels.bytes.array)
                #expect(copy.scaling == volume.scaling)
                let factor = volume.header.spaceUnit.millimetres
                let affine = volume.geometry.affine.scaled(by: factor)
                #expect(copy.geometry.affine.largestDifference(from: affine) < 1e-4 * max(1, factor))
                #expect(copy.geometry.qform?.code == volume.geometry.qform?.code)
                #expect(copy.geometry.sform?.code == volume.geometry.sform?.code)
                #expect(copy.header.spaceUnit == .millimetre)
                #expect(copy.header.extensions.map(\.code) == volume.header.extensions.map(\.code))
                #expect(copy.header.extensions.map(\.content) == volume.header.extensions.map(\.content))
                #expect(copy.header.description == volume.header.description)
                #expect(copy.header.intent == volume.header.intent)
            }
        }
    }

    @Test(.enabled(if: TestData.shared != nil, "\(TestData.sharedMissing)"))
    func theFormatSheetsOwnFilesRead() throws {
        let folder = try #require(TestData.shared) + "/formats"
        let two = try Volume(reading: folder + "/w2.nii")
        #expect(two.header.format == .nifti2)
        let pair = try Volume(reading: folder + "/wp.hdr")
        let samePair = try Volume(reading: folder + "/wp.img")
        #expect(pair.header.isPair)
        #expect(pair.voxels.bytes.array == samePair.voxels.bytes.array)
        let gzipped = try Volume(reading: folder + "/z.nii.gz")
        #expect(gzipped.header.isCompressed)
    }
}
