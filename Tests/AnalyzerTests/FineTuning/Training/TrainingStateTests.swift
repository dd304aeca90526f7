// States of a fine-tuning on disk: written whole, checked byte by byte, the one before taken when the newest is damaged.

import Formats
import FoundationEssentials
import Testing

@testable import Analyzer

@Suite struct TrainingStateTests {
    private func state(epoch: Int, batch: Int = 0, weight: Float = 0.1) -> TrainingState {
        var progress = TrainingProgress()
        progress.epoch = epoch
        progress.batch = batch
        progress.step = 16 * epoch + batch
        progress.sums.loss = 1.0 / 3
        progress.sums.terms = [0.1, .nan]
        progress.identity = ["loss": "dice+ce"]
        progress.best = .init(epoch: 1, dice: 0.75)
        return TrainingState(
            progress: progress,
            network: NetworkState(
                arrays: [
                    ("weights/b", [3], [weight, -0.0, .leastNonzeroMagnitude]), ("optimizer/m", [1, 2], [1e30, 2]),
                ], stepCounts: ["b": 5], averageUpdates: 3))
    }

    @Test func aStateComesBackBitForBit() throws {
        let folder = try TemporaryFolder()
        let states = TrainingStateFolder(path: folder.path)
        try states.write(state(epoch: 2, batch: 7))
        let found = try #require(try states.newest { Issue.record("\($0)") })
        #expect(found.progress.epoch == 2 && found.progress.batch == 7 && found.progress.step == 39)
        #expect(found.progress.sums.loss == 1.0 / 3 && found.progress.sums.terms[1].isNaN)
        #expect(found.progress.best == .init(epoch: 1, dice: 0.75) && found.progress.identity == ["loss": "dice+ce"])
        let values = Dictionary(found.network.arrays.map { ($0.name, $0.values.map(\.bitPattern)) }) { first, _ in first
        }
        #expect(values["weights/b"] == [Float(0.1), -0.0, .leastNonzeroMagnitude].map(\.bitPattern))
        #expect(values["optimizer/m"] == [Float(1e30), 2].map(\.bitPattern))
        #expect(found.network.stepCounts == ["b": 5] && found.network.averageUpdates == 3)
        #expect(found.network.arrays.first { $0.name == "optimizer/m" }?.shape == [1, 2])
    }

    @Test func onlyTheTwoNewestStatesAreKept() throws {
        let folder = try TemporaryFolder()
        let states = TrainingStateFolder(path: folder.path)
        for epoch in 8...11 { try states.write(state(epoch: epoch)) }
        try states.write(state(epoch: 11, batch: 3))
        #expect(
            states.files().map { $0.split(separator: "/").last } == [
                "epoch_00011_batch_0000003.safetensors", "epoch_00011_batch_0000000.safetensors",
            ])
    }

    @Test(arguments: ["cut short", "one bit of a weight", "one digit of the progress", "emptied"])
    func aDamagedStateIsToldAndTheOneBeforeIsTaken(damage: String) throws {
        let folder = try TemporaryFolder()
        let states = TrainingStateFolder(path: folder.path)
        try states.write(state(epoch: 1))
        try states.write(state(epoch: 2))
        let newest = states.files()[0]
        var bytes = try Data(contentsOf: URL(filePath: newest))
        switch damage {
        case "cut short": bytes.removeLast(5)
        case "one bit of a weight": bytes[bytes.count - 2] ^= 1
        case "emptied": bytes = Data()
        default:
            let place = try #require(bytes.firstRange(of: Data(#"\"epoch\":2,"#.utf8)))
            bytes[place.upperBound - 2] = UInt8(ascii: "3")
        }
        try bytes.write(to: URL(filePath: newest))
        var notes: [String] = []
        let found = try #require(try states.newest { notes.append($0) })
        #expect(found.progress.epoch == 1)
        #expect(notes.count == 1 && notes[0].hasPrefix("\(newest) is not used: "), "\(notes)")
    }

    @Test func noReadableStateIsAnErrorAndNoStateIsNone() throws {
        let folder = try TemporaryFolder()
        let states = TrainingStateFolder(path: folder.path)
        #expect(try states.newest { _ in } == nil)
        try Data("no state".utf8).write(to: URL(filePath: folder.path + "/epoch_00001_batch_0000000.safetensors"))
        #expect(throws: AnalyzerError.self) { try states.newest { _ in } }
    }
}

extension TrainingState: Equatable {
    public static func == (left: TrainingState, right: TrainingState) -> Bool {
        left.progress.epoch == right.progress.epoch
            && left.network.arrays.map(\.name) == right.network.arrays.map(\.name)
    }
}
