// `ripe doctor`: what it finds and advises.

import Engine
import Formats
import Testing

@testable import Commands

@Suite struct DoctorCommand {
    @Test func theJSONNamesKernelsThreadsMemoryAndLibraries() throws {
        let run = try ripe("doctor", "--quick", "--json", "--threads", "1")
        #expect(run.code == 0)
        #expect(run.errors == "")
        let report = try JSON(run.output, path: "output", section: "output")
        #expect(report["schema"] == .string("ripe.doctor/1"))
        #expect(report["version"] == .string(Ripe.version))
        #expect(report["kernels"]?["oneDNN"] == .string(KernelFacts.version))
        #expect(report["threads"] == .integer(1))
        #expect(report["libraries"]?["HDF5"]?.string?.hasPrefix("1.") == true)
        #expect(report["memoryBytes"]?.int.map { $0 > 1 << 28 } == true)
        #expect(report["speed"] == .null)
    }

    @Test func moreThreadsThanCoresAreAdvisedAgainst() throws {
        let run = try ripe("doctor", "--quick", "--threads", "1000")
        #expect(run.code == 0)
        #expect(run.output.contains("1000 threads on "))
        #expect(run.output.contains("lower --threads."))
    }

    @Test func theSpeedTestComparesWithMatrixMultiplication() throws {
        let speed = try SpeedTest(threads: 1, isSilent: true)
        #expect(speed.imagesPerSecond > 0)
        #expect(speed.sgemm > 0)
        // 8.2 GFLOP an image at 224×224 (two operations a multiply-add).
        #expect(abs(speed.gigaflops / speed.imagesPerSecond - 8.2) < 0.2)
    }
}
