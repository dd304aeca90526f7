// From a checkpoint file to a number, against what the authors' own code computed on the same files and views.

import Engine
import FoundationEssentials
import Formats
import TestSupport
import Testing

@testable import Analyzer

struct TruthTests {
    /// A table of the authors' numbers with the checkpoints and views that it is about.
    struct Table: Sendable, CustomTestStringConvertible {
        let file: String
        let checkpoints: String
        let views: [String]
        let size: Int
        let testDescription: String

        /// What lies in fixtures/.
        static let fixtures = ["pytorch", "lightning"].map { name in
            Table(
                file: TestData.fixtures + "/golden/robustness_\(name).csv",
                checkpoints: TestData.fixtures + "/checkpoints/\(name)/",
                views: (0..<2).map { TestData.fixtures + "/views/views64_\($0).npy" }, size: 64, testDescription: name)
        }

        /// All there is.
        static let shared = ["A", "B"].flatMap { sequence in
            [64, 128].map { size in
                Table(
                    file: path("truth/robustness_\(sequence).csv"), checkpoints: path("checkpoints/\(sequence)/"),
                    views: (0..<2).map { path("truth/views\(size)_\($0)\(size == 64 ? "" : "_gray").npy") }, size: size,
                    testDescription: "\(sequence), \(size) pixels")
            }
        }

        func storedViews() throws -> StoredViews {
            let arrays = try views.map { try NumPy.readArray($0) }
            return try StoredViews(arrays[0], arrays[1])
        }

        /// The numbers by checkpoint.
        func rows() throws -> [String: [(setting: ScoreSetting, value: Double)]] {
            let text = try String(contentsOfFile: file, encoding: .utf8)
            let lines = text.split(whereSeparator: \.isNewline).map { $0.split(separator: ",").map { String($0) } }
            let header = try #require(lines.first)
            var rows: [String: [(setting: ScoreSetting, value: Double)]] = [:]
            for fields in lines.dropFirst() {
                let row = Dictionary(uniqueKeysWithValues: zip(header, fields))
                guard Int(row["size"] ?? "\(size)") == size else { continue }
                let setting = ScoreSetting(
                    distance: try #require(TruthTests.distances[row["distance"] ?? ""]),
                    loss: .hinge(margin: try #require(Double(row["margin"] ?? ""))),
                    level: try #require(Int(row["level"] ?? "")),
                    pooling: row["pooled"] == "True" ? .pooled : .flat, negatives: .paper)
                rows[row["checkpoint"] ?? "", default: []].append(
                    (setting, try #require(Double(row["robustness"] ?? ""))))
            }
            return rows
        }
    }

    private static let distances: [String: Distance] = [
        "cosine_distance": .cosine, "l2_loss": .l2, "inv_pearson_corr": .pearson,
    ]

    /// A file of the reference data.
    private static func path(_ name: String) -> String { (TestData.shared ?? "") + "/bundle/" + name }

    private static func views(_ size: Int) throws -> StoredViews {
        try #require(Table.shared.first { $0.size == size }).storedViews()
    }

    static let allSettings = ScoringOptions(
        grid: ScoreGrid(
            losses: [0, 0.25, 0.5, 0.75, 1].map { .hinge(margin: $0) }, distances: Distance.allCases, levels: .all,
            poolings: [.pooled, .flat], negatives: [.paper]),
        draws: 1, jitterScope: .batch)

    private static func score(_ file: String, views: StoredViews, batch: Int = 8, threads: Int = 2) throws
        -> CheckpointScore
    {
        let reader = try Checkpoint.open(file)
        let recognition = try Recognizer.recognize(reader.tensors, metadata: reader.metadata)
        let plan = try InferencePlan(
            recognition.graph, parameters: CheckpointParameters(recognition, reader: reader),
            input: [batch, 3, views.imageShape.height, views.imageShape.width], threads: threads)
        return try Scorer(source: views, options: allSettings).score(
            PlanEncoder(plan, hasTokenLevels: recognition.graph.hasTokenLevels),
            levelCount: recognition.graph.levels.count, batchSize: batch, threads: threads, keepsAllImages: true)
    }

    private func expectReproduced(_ table: Table) throws {
        let views = try table.storedViews()
        for (checkpoint, rows) in try table.rows() {
            #expect(rows.count == 3 * 5 * 2 * 5)
            let score = try Self.score(table.checkpoints + checkpoint, views: views)
            for row in rows {
                let entry = try #require(score[row.setting])
                #expect(
                    abs(entry.value - row.value) <= 1e-5 * max(1, abs(row.value)),
                    "\(checkpoint) \(row.setting): \(entry.value) for \(row.value)")
            }
        }
    }

    @Test(arguments: Table.fixtures)
    func theFixturesScoreAsTheAuthorsCodeScoresThem(table: Table) throws {
        #expect(try table.rows().count == (table.testDescription == "pytorch" ? 5 : 3))
        try expectReproduced(table)
    }

    @Test(.enabled(if: TestData.shared != nil, "\(TestData.sharedMissing)"), arguments: Table.shared)
    func everyNumberOfTheAuthorsIsReproduced(table: Table) throws {
        #expect(try table.rows().count == 6)
        try expectReproduced(table)
    }

    @Test(
        .enabled(if: TestData.shared != nil, "\(TestData.sharedMissing)"),
        arguments: [
            ("A/model_state_dict_epoch_5.pt", "A_per_image_epoch_5"),
            ("B/epoch=3-step=284.ckpt", "B_per_image_epoch_4"),
        ])
    func everyImagesTermIsReproduced(checkpoint: String, table: String) throws {
        let score = try Self.score(Self.path("checkpoints/\(checkpoint)"), views: Self.views(64))
        let arrays = try NumPy.readArchive(Self.path("truth/robustness_\(table).npz")).filter {
            $0.name.split(separator: "|")[1] == "64"
        }
        #expect(arrays.count == 150)
        for (name, array) in arrays {
            let key = name.split(separator: "|")
            let setting = ScoreSetting(
                distance: try #require(Self.distances[String(key[2])]),
                loss: .hinge(margin: try #require(Double(key[3]))),
                level: try #require(Int(key[5])), pooling: key[4] == "1" ? .pooled : .flat, negatives: .paper)
            let losses = try #require(score[setting]?.images?.losses)
            let terms = try #require(array.floats())
            #expect(losses.count == 32 && terms.count == 32)
            for (loss, term) in zip(losses, terms) {
                #expect(abs(loss - Double(term)) <= 2e-5 * max(1, abs(Double(term))), "\(name)")
            }
        }
    }

    @Test(arguments: Table.fixtures)
    func threadsChangeNoBit(table: Table) throws {
        let file = table.checkpoints + (try #require(try table.rows().keys.max()))
        let views = try table.storedViews()
        #expect(try Self.score(file, views: views, threads: 1) == Self.score(file, views: views, threads: 3))
    }

    @Test(.enabled(if: TestData.shared != nil, "\(TestData.sharedMissing)"))
    func batchesChangeScoresByLessThanAMillionth() throws {
        let file = Self.path("checkpoints/A/model_state_dict_epoch_3.pt")
        let views = try Self.views(64)
        let reference = try Self.score(file, views: views, batch: 8)
        for batch in [1, 5, 32] {
            for (entry, expected) in zip(try Self.score(file, views: views, batch: batch).entries, reference.entries) {
                #expect(abs(entry.value - expected.value) <= 1e-6 * max(1, abs(expected.value)), "\(entry.setting)")
            }
        }
    }

    @Test(.enabled(if: TestData.shared != nil, "\(TestData.sharedMissing)"))
    func jitteredImagesMatchTorchvisionWithinAHundredthOfAGreyLevel() throws {
        struct Jitter: Decodable {
            let key: String
            let order: [Int]?
            let brightness: Double?
            let contrast: Double?
            let saturation: Double?
            let hue: Double?
            let value: Double?
        }
        let text = try Data(contentsOf: URL(filePath: Self.path("truth/jitter_parity.json")))
        let arrays = Dictionary(
            uniqueKeysWithValues: try NumPy.readArchive(Self.path("truth/jitter_parity.npz")).map {
                ($0.name, $0.array)
            })
        let input = try #require(arrays["input"]?.floats())
        let size = 3 * 64 * 64
        let single: [String: JitterOperation] = [
            "only_brightness": .brightness, "only_contrast": .contrast, "only_saturation": .saturation,
            "only_hue": .hue,
        ]
        for jitter in try JSONDecoder().decode([Jitter].self, from: text) {
            var parameters = JitterParameters(
                brightness: jitter.brightness ?? 1, contrast: jitter.contrast ?? 1, saturation: jitter.saturation ?? 1,
                hue: jitter.hue ?? 0)
            if let order = jitter.order {
                parameters.order = order.compactMap(JitterOperation.init(rawValue:))
            } else {
                let operation = try #require(single[jitter.key])
                let value = try #require(jitter.value)
                parameters = JitterParameters(
                    order: [operation], brightness: value, contrast: value, saturation: value, hue: value)
            }
            let expected = try #require(arrays[jitter.key]?.floats())
            let result = stride(from: 0, to: input.count, by: size).flatMap {
                ColorJitter.apply(parameters, to: Array(input[$0..<$0 + size]), channels: 3)
            }
            let worst = zip(result, expected).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
            #expect(result.count == expected.count && worst <= 1e-2 / 255, "\(jitter.key): \(worst)")
        }
    }
}
