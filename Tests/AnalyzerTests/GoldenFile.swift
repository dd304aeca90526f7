// Reads the small reference vectors of fixtures/golden.

import FoundationEssentials
import TestSupport

enum GoldenFile {
    /// Decodes a JSON file of fixtures/golden.
    static func decode<Value: Decodable>(_ name: String) throws -> Value {
        let url = URL(filePath: TestData.fixtures + "/golden/" + name)
        return try JSONDecoder().decode(Value.self, from: Data(contentsOf: url))
    }
}
