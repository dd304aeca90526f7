// `ripe bench feed`: it measures and says so in JSON; how fast it is is not tested.

import Formats
import TestSupport
import Testing

@Suite struct BenchFeed {
    @Test func batchesOfALabelledTargetAreTimed() throws {
        let run = try ripe(
            "bench", "feed", "--target", TestData.fixtures + "/target", "--image-size", "32", "--step", "0", "--epochs",
            "1", "--keep-empty")
        #expect(run.code == 0)
        #expect(run.errors == "")
        let report = try JSON(run.output, path: "output", section: "JSON")
        #expect(report["images"]?.int == 64)
        #expect((report["processorMillisecondsPerBatch"]?.double ?? 0) > 0)
        #expect((0...1).contains(report["waitingShare"]?.double ?? -1))
    }

    @Test func wrongChangesAreRefusedAsUsage() throws {
        let run = try ripe("bench", "feed", "--target", TestData.fixtures + "/target", "--augment", "spin")
        #expect(run.code == 64)
        #expect(run.errors.hasPrefix("ripe: --augment 'spin': expected none, or some of flips"))
    }
}
