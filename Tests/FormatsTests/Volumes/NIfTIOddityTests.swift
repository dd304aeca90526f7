// Odd and damaged NIfTI files: what is mended is told, what cannot be read is refused with its place.

import Formats
import FoundationEssentials
import Testing

/// Little-endian bytes of numbers.
private func field<Value: BitwiseCopyable>(_ values: Value...) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

/// A NIfTI-1 file of 4×3×2 int16 voxels 0…23, oblique, in both forms.
private let sound: [UInt8] = {
    let linear = Matrix3(columns: [0, 2, 0], [-3, 0, 0], [0, 0, 4])
    let values = TensorView(dtype: .int16, shape: [2, 3, 4], bytes: Bytes(copying: (0..<24).map { Int16($0) }))
    let affine = Affine(linear: linear, translation: [5, 6, 7])
    let volume = try? Volume(voxels: values, geometry: VolumeGeometry(affine: affine, code: 2))
    let bytes = try? withTemporaryFolder { folder in
        try volume?.write(to: folder + "/a.nii")
        return try Bytes(mapping: folder + "/a.nii").array
    }
    return bytes ?? []
}()

/// Reads bytes as a file.
private func read(_ bytes: [UInt8], name: String = "a.nii") throws -> Volume {
    try withTemporaryFolder { folder in
        try Data(bytes).write(to: URL(filePath: "\(folder)/\(name)"))
        var volume = try Volume(reading: "\(folder)/\(name)")
        volume.path = name
        return volume
    }
}

/// The refusal of bytes, the file named without its temporary folder.
private func refusal(_ bytes: [UInt8], name: String = "a.nii") -> String {
    let text = message { try read(bytes, name: name).shape }
    guard let start = text.firstIndex(of: ":"), text.hasPrefix("/") else { return text }
    return name + text[start...]
}

@Suite struct NIfTIOddityTests {
    @Test func theSoundFileIsSound() throws {
        let volume = try read(sound)
        #expect(volume.warnings == [])
        #expect(volume.axisCodes == "ALS")
        #expect(volume.spacing == [2, 3, 4])
        #expect(volume.header.spaceUnit == .millimetre)
        #expect(sound[123] == 10)
    }

    @Test func aZeroSformFallsBackToTheQform() throws {
        let volume = try read(sound.patched(280, [UInt8](repeating: 0, count: 48)))
        #expect(volume.geometry.source == .qform)
        #expect(volume.axisCodes == "ALS")
        #expect(volume.warnings == ["sform_code is 2 but the sform is all zero; it is ignored"])
    }

    @Test func withoutAnyFormTheOrientationIsSaidToBeUnknown() throws {
        let volume = try read(sound.patched(252, [0, 0, 0, 0]))
        #expect(volume.geometry.source == .none)
        #expect(volume.axisCodes == "LAS")
        #expect(volume.warnings == ["no orientation in file: voxel sizes only, x taken to run to the left"])
    }

    @Test func disagreeingFormsAreBothPrinted() throws {
        let volume = try read(sound.patched(268, field(Float(9))))
        #expect(
            volume.warnings == [
                "sform and qform disagree by 4: sform [0 -3 0 5] [2 0 0 6] [0 0 4 7] is used, not qform "
                    + "[0 -3 0 9] [2 0 0 6] [0 0 4 7]"
            ])
    }

    @Test func anSformWithoutVoxelSizesIsPointedOut() throws {
        let rows: [Float] = [0, -1, 0, 5, 1, 0, 0, 6, 0, 0, 1, 7]
        let volume = try read(sound.patched(252, [0, 0]).patched(280, rows.withUnsafeBytes { Array($0) }))
        #expect(
            volume.warnings == ["the sform has voxels of 1, pixdim says 2×3×4: the sform may lack its voxel sizes"])
        #expect(volume.spacing == [1, 1, 1])
    }

    @Test func aShearedSformIsReadAndCanBeRepaired() throws {
        let rows: [Float] = [2, 1, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0]
        let bytes = sound.patched(252, [0, 0]).patched(280, rows.withUnsafeBytes { Array($0) })
        let volume = try read(bytes)
        #expect(volume.warnings.last?.contains("the axes are not at right angles (cosine 0.3162)") == true)
        let repaired = volume.geometry.affine.orthonormalized
        #expect(repaired.shear < 1e-12)
        #expect(abs(repaired.spacing.y - 10.0.squareRoot()) < 1e-12)
    }

    @Test func damagedQuaternionsAreIgnoredOrScaled() throws {
        let noMatrix = sound.patched(254, [0, 0])
        let nan = try read(noMatrix.patched(256, field(Float.nan)))
        #expect(nan.geometry.source == .none)
        #expect(nan.warnings.first == "qform_code is 2 but its numbers are not finite; it is ignored")
        let long = try read(noMatrix.patched(256, field(Float(0), 0, 1.01)))
        #expect(long.warnings == ["the qform's quaternion is longer than 1; it is scaled to length 1"])
        #expect(long.axisCodes == "LPS")
        let other = try read(noMatrix.patched(76, field(Float(-3))))
        #expect(other.axisCodes == "ALI")
    }

    @Test func valuesScaleByTheRulesAndAnOddInterceptIsTold() throws {
        let volume = try read(sound.patched(112, field(Float(2), Float.nan)))
        #expect(volume.warnings == ["scl_inter is nan; 0 is used"])
        #expect(volume.floats()[5] == 10)
        #expect(try read(sound.patched(112, field(Float(0), Float(9)))).scaling == .none)
    }

    @Test(arguments: [(0, 352), (348, 352), (351, 352)])
    func voxelsNeverBeginInsideTheHeader(stored: Int, used: Int) throws {
        let volume = try read(sound.patched(108, field(Float(stored))))
        #expect(volume.header.voxelOffset == used)
        #expect(volume.warnings == ["vox_offset \(stored) lies inside the header; \(used) used"])
        #expect(volume.floats() == (0..<24).map { Float($0) })
    }

    @Test func unitsBecomeMillimetresAndSeconds() throws {
        let metres = try read(sound.patched(123, [1 | 16]))
        #expect(metres.spacing == [2000, 3000, 4000])
        #expect(metres.header.timeUnit == .millisecond)
        let unknown = try read(sound.patched(123, [0]))
        #expect(unknown.warnings == ["the file does not say its unit of length; millimetres assumed"])
        try withTemporaryFolder { folder in
            try metres.write(to: folder + "/b.nii")
            let copy = try Volume(reading: folder + "/b.nii")
            #expect(copy.spacing == [2000, 3000, 4000])
            #expect(copy.header.spaceUnit == .millimetre)
        }
    }

    @Test func aBrokenExtensionChainIsDroppedFromTheBreakOn() throws {
        let good = field(Int32(16), Int32(6)) + Array("comment!".utf8)
        let bad = field(Int32(17), Int32(4)) + [UInt8](repeating: 1, count: 8)
        let bytes =
            Array(sound[..<348]).patched(108, field(Float(384))) + [1, 0, 0, 0] + good + bad + Array(sound[352...])
        let volume = try read(bytes)
        #expect(volume.header.extensions == [HeaderExtension(code: 6, content: Array("comment!".utf8))])
        #expect(volume.warnings.first?.hasPrefix("the header extension at byte 368 claims 17 bytes") == true)
        #expect(volume.floats().last == 23)
    }

    @Test func complexScalingAppliesToBothParts() throws {
        let values = TensorView(
            dtype: .complex64, shape: [1, 1, 1], bytes: Bytes(copying: [Float(1), 2]))
        let geometry = VolumeGeometry(affine: .identity)
        let volume = try Volume(
            voxels: values, geometry: geometry, scaling: VoxelScaling(slope: 2, intercept: 1))
        #expect(volume.floats() == [Float(34).squareRoot()])
    }
}

@Suite struct NIfTIDamageTests {
    @Test(arguments: [352, 353, 380, 399])
    func aCutFileNamesBytesExpectedAndFound(count: Int) {
        #expect(
            refusal(Array(sound[..<count]))
                == "a.nii: voxel data (4×3×2 int16) at byte 352 is cut short: 48 bytes expected, \(count - 352) found")
    }

    @Test func aFileTooShortForAHeaderSaysSo() {
        #expect(refusal([]) == "a.nii: NIfTI header at byte 0 is cut short: 348 bytes expected, 0 found")
        #expect(
            refusal(Array(sound[..<300]))
                == "a.nii: this is not a NIfTI or Analyze volume; give a .nii, .nii.gz or .hdr/.img file")
    }

    @Test(
        arguments: [
            (40, field(Int16(8)), "dim[0] at byte 40: expected 1 to 7 axes, found 8"),
            (40, field(Int16(0)), "dim[0] at byte 40: expected 1 to 7 axes, found 0"),
            (44, field(Int16(-5)), "dim[2] at byte 44: expected a size above 0, found -5"),
            (46, field(Int16(0)), "dim[3] at byte 46: expected a size above 0, found 0"),
            (70, field(Int16(3)), "datatype at byte 70: expected a NIfTI data type code, found 3"),
            (
                70, field(Int16(1)),
                "1-bit voxels (datatype 1) is not supported; convert the file to float32 or an integer type with the "
                    + "program that wrote it"
            ),
            (
                70, field(Int16(1536)),
                "128-bit float voxels (datatype 1536) is not supported; convert the file to float32 or an integer type "
                    + "with the program that wrote it"
            ),
            (108, field(Float.nan), "vox_offset at byte 108: expected a byte position, found nan"),
            (108, field(Float(-1)), "vox_offset at byte 108: expected a byte position, found -1"),
            (
                108, field(Float(1e6)),
                "voxel data (4×3×2 int16) at byte 1000000 is cut short: 48 bytes expected, 0 found"
            ),
            (
                42, field(Int16.max, Int16.max, Int16.max),
                "voxel data (32767×32767×32767 int16) at byte 352 is cut short: 70362301923326 bytes expected, 48 found"
            ),
            (
                40, field(Int16(7)) + [UInt8](repeating: 0x7F, count: 14),
                "voxel data (32639×32639×32639×32639×32639×32639×32639 int16) is more than 2⁶³ bytes, more than the limit "
                    + "of what memory can address"
            ),
        ] as [(Int, [UInt8], String)])
    func impossibleFieldsAreNamedWithTheirPlace(offset: Int, bytes: [UInt8], expected: String) {
        #expect(refusal(sound.patched(offset, bytes)) == "a.nii: \(expected)")
    }

    @Test func aGzippedClaimBeyondItsBytesIsRefusedBeforeInflating() throws {
        let huge = sound.patched(42, field(Int16.max, Int16.max, Int16(2)))
        let zipped = Deflate.gzip(Bytes(copying: huge)).array
        #expect(
            refusal(zipped, name: "a.nii.gz")
                == "a.nii.gz: voxel data (32767×32767×2 int16) is 4294705508 bytes, more than the limit of "
                + "\(zipped.count * 1032) bytes, to which \(zipped.count) gzipped bytes can grow")
    }

    @Test func damagedGzipIsRefused() {
        let zipped = Deflate.gzip(Bytes(copying: sound)).array
        #expect(refusal(Array(zipped.dropLast(20))).contains("damaged or cut short"))
        #expect(refusal(zipped.patched(zipped.count - 8, [0xAA])).contains("gzip trailer"))
        #expect(refusal(zipped + [1, 2, 3]).contains("junk after the data"))
    }

    @Test func aPairWithoutItsPartnerSaysWhatIsMissing() throws {
        try withTemporaryFolder { folder in
            let volume = try read(sound)
            try volume.write(to: folder + "/p.hdr")
            let voxels = try Bytes(mapping: folder + "/p.img").array
            let header = try Bytes(mapping: folder + "/p.hdr").array
            let lone = try write(header, "lone.hdr", in: folder)
            #expect(
                message { try Volume(reading: lone).shape }
                    == "\(lone): voxel file of this NIfTI-1 pair: expected a file named like it that ends in .img or "
                    + ".img.gz, found none")
            let orphan = try write(voxels, "orphan.img", in: folder)
            #expect(message { try Volume(reading: orphan).shape }.contains("this is not a NIfTI or Analyze volume"))
        }
        let lonely = VolumeGolden.folder + "/lonely.hdr"
        #expect(message { try Volume(reading: lonely).shape }.contains("voxel file of this Analyze 7.5 pair"))
    }

    @Test func anyFlippedHeaderByteIsReadOrRefusedWithoutACrash() throws {
        for index in 0..<352 {
            for bit in [0x01, 0x80] as [UInt8] {
                let bytes = sound.patched(index, [sound[index] ^ bit])
                _ = try? read(bytes).canonical().volume.floats()
            }
        }
    }

    @Test func aNameWithoutAVolumesEndingIsNotWritten() throws {
        let volume = try read(sound)
        #expect(
            message { try volume.write(to: "out.png") }
                == "out.png: writing a volume under this name is not supported; end it in .nii, .nii.gz, .hdr or .img")
        #expect(message { try volume.write(to: "/nowhere/a.nii") }.hasPrefix("/nowhere/a.nii: cannot create: "))
    }
}
