// Label maps whose header says where they lie in exactly the bits of the image's header.

import FoundationEssentials
import TestSupport
import Testing

@testable import Formats

@Suite struct StoredGeometryTests {
    static let singleFiles = VolumeGolden.names.filter { name in
        name.hasSuffix(".nii") && !name.contains("_be") && (name.hasPrefix("geo_") || name.hasPrefix("dims_"))
            || name == "extensions2.nii" || name == "two_le.nii"
    }

    /// The bytes of `pixdim`, units, codes, quaternion and matrix.
    private func geometryBytes(_ header: [UInt8]) -> [UInt8] {
        let isVersion2 = header[0] == 0x1C && header[1] == 0x02  // 540
        let ranges = isVersion2 ? [104..<168, 344..<496, 500..<504] : [76..<108, 123..<124, 252..<328]
        return ranges.flatMap { header[$0] }
    }

    @Test(arguments: singleFiles)
    func aLabelMapLiesWhereItsImageLiesToTheBit(name: String) throws {
        let source = "\(VolumeGolden.folder)/\(name)"
        let image = try Volume(reading: source)
        let count = image.spatialShape.reduce(1, *)
        let values = TensorView(
            dtype: .uint8, shape: Shape(image.shape.prefix(3).reversed()),
            bytes: Bytes(copying: (0..<count).map { UInt8($0 % 3) }))
        try withTemporaryFolder { folder in
            try Volume(labelValues: values, like: image).write(to: folder + "/l.nii", keepingStoredGeometry: true)
            let expected = Array(try Data(contentsOf: URL(filePath: source)).prefix(544))
            let found = Array(try Data(contentsOf: URL(filePath: folder + "/l.nii")).prefix(544))
            #expect(geometryBytes(found) == geometryBytes(expected))
            let copy = try Volume(reading: folder + "/l.nii")
            #expect(copy.shape == Array(image.shape.prefix(3)))
            #expect(copy.type == .scalar(.uint8))
            #expect(copy.geometry == image.geometry)
            #expect(try copy.labels().values == (0..<count).map { Int32($0 % 3) })
        }
    }

    @Test func aGeometryThatWasChangedIsWrittenAnew() throws {
        var image = try Volume(reading: "\(VolumeGolden.folder)/geo_oblique.nii")
        image.geometry = VolumeGeometry(affine: .identity)
        try withTemporaryFolder { folder in
            try image.write(to: folder + "/v.nii", keepingStoredGeometry: true)
            #expect(try Volume(reading: folder + "/v.nii").geometry.affine == .identity)
        }
    }
}
