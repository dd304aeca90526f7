// What nibabel reads from the files in fixtures/volumes (written by fixtures/generate/volumes_golden.py).

import Formats
import FoundationEssentials
import TestSupport

/// nibabel's reading of one file.
struct VolumeGolden: Decodable {
    let shape: [Int]
    let dtype: String
    let affine: [Double]
    let axisCodes: String
    let slope: Double
    let intercept: Double
    let storedCRC: UInt32
    let floatCRC: UInt32
    let qformCode: Int?
    let sformCode: Int?
    let description: String?
    let extensions: [Int]?
    let canonical: Canonical?

    struct Canonical: Decodable {
        let shape: [Int]
        let affine: [Double]
        let storedCRC: UInt32
    }

    static let folder = TestData.fixtures + "/volumes"

    static let all: [String: VolumeGolden] = {
        guard let data = try? Data(contentsOf: URL(filePath: folder + "/golden.json")),
            let all = try? JSONDecoder().decode([String: VolumeGolden].self, from: data)
        else { return [:] }
        return all
    }()

    static let names = all.keys.sorted()
}

/// The CRC-32 of floats as stored.
func checksum(_ values: [Float]) -> UInt32 { Inflate.crc32(Bytes(copying: values)) }
