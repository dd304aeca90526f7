// `ripe doctor`: whether this machine runs Ripe as fast as it could, and what to change.

import Analyzer
import ArgumentParser
import Engine
import Formats
import FoundationEssentials

/// Looks at the machine.
struct Doctor: ParsableCommand, RunsNetworks {
    static let configuration = CommandConfiguration(
        abstract: "Check this machine and say what to change.",
        discussion: """
            Shows the processor and the kernels in use on it, threads, memory and libraries, and runs a speed test of about \
            three seconds: ResNet-50 against the machine's own matrix multiplication (SGEMM).

            The exit code is 0 whether or not there is advice; 1 when something does not work at all.

            Example:
              ripe doctor --json > machine.json
            """)

    @Flag(help: "Leave the speed test out.")
    var quick = false

    @OptionGroup var threads: ThreadOptions

    @Flag(help: "Print JSON and nothing else.")
    var json = false

    func run() throws {
        Interrupt.install()
        let machine = Machine()
        let speed = quick ? nil : try SpeedTest(threads: threads.count, isSilent: json)
        let cache = CacheFolderCheck()
        let advice = DoctorAdvice.all(machine, speed: speed, cache: cache, threads: threads.count)
        try Console.write(
            json ? [self.json(machine, speed, cache, advice).text()] : lines(machine, speed, cache, advice))
    }

    private func lines(
        _ machine: Machine, _ speed: SpeedTest?, _ cache: CacheFolderCheck, _ advice: [String]
    ) -> [String] {
        var facts = FactList()
        facts.add("processor", machine.processor)
        facts.add("kernels", "oneDNN \(KernelFacts.version), \(KernelFacts.instructionSet)")
        facts.add(
            "threads",
            "\(threads.count) of \(counted(machine.cores, "core"))"
                + (machine.usableCores < machine.cores ? " (\(machine.usableCores) granted)" : "")
                + (machine.load.map { "; load \(fixed($0, 1))" } ?? ""))
        facts.add("memory", memoryText(machine))
        let libraries = LibraryVersions.all.map { "\($0.name) \($0.version)" }
        facts.add("libraries", libraries.joined(separator: ", ") + "; OpenBLAS is not used")
        facts.add("finished scores", cache.text)
        if let speed {
            facts.add(
                "speed",
                "ResNet-50 at 224×224: \(significant(speed.imagesPerSecond, 3)) images/s, "
                    + "\(fixed(speed.gigaflops, 0)) GFLOP/s; SGEMM \(fixed(speed.sgemm, 0)) GFLOP/s "
                    + "(\(fixed(100 * speed.share, 0)) %)")
        }
        let terminal = Terminal.output
        var lines = ["ripe \(Ripe.version) on this machine", ""] + facts.lines(for: terminal) + [""]
        if advice.isEmpty { return lines + [terminal.styled("Nothing to change.", .green)] }
        lines.append(terminal.styled("What to change", .bold))
        for item in advice {
            lines += wrapped(item, to: min(terminal.width, 100) - 4).enumerated().map {
                ($0 == 0 ? "  - " : "    ") + $1
            }
        }
        return lines
    }

    private func memoryText(_ machine: Machine) -> String? {
        guard let memory = machine.memory else { return nil }
        let free = machine.availableMemory.map { "; \(byteSize($0)) available" } ?? ""
        let limit = machine.memoryLimit.map { "; limited to \(byteSize($0))" } ?? ""
        return byteSize(memory) + free + limit
    }

    private func json(
        _ machine: Machine, _ speed: SpeedTest?, _ cache: CacheFolderCheck, _ advice: [String]
    ) -> JSON {
        .object([
            "schema": "ripe.doctor/1",
            "version": .string(Ripe.version),
            "processor": .string(machine.processor),
            "kernels": .object([
                "oneDNN": .string(KernelFacts.version), "instructionSet": .string(KernelFacts.instructionSet),
                "openBLAS": .null,
            ]),
            "threads": .integer(threads.count), "cores": .integer(machine.cores),
            "usableCores": .integer(machine.usableCores),
            "load": machine.load.map(JSON.real) ?? .null,
            "memoryBytes": machine.memory.map(JSON.integer) ?? .null,
            "availableMemoryBytes": machine.availableMemory.map(JSON.integer) ?? .null,
            "memoryLimitBytes": machine.memoryLimit.map(JSON.integer) ?? .null,
            "libraries": .object(LibraryVersions.all.map { .init(key: $0.name, value: .string($0.version)) }),
            "cache": .string(cache.text),
            "speed": speed.map {
                .object([
                    "imagesPerSecond": .real($0.imagesPerSecond), "gflops": .real($0.gigaflops),
                    "sgemmGflops": .real($0.sgemm),
                ])
            } ?? .null,
            "advice": .strings(advice),
        ])
    }
}

/// Where finished scores go, and whether they can.
struct CacheFolderCheck {
    /// The place, or what is wrong with it.
    let text: String
    let works: Bool

    init() {
        let known = ["HOME", "XDG_CACHE_HOME"].compactMap { name in environment(name).map { (name, $0) } }
        guard let folder = ScoreCache.defaultFolder(environment: Dictionary(uniqueKeysWithValues: known)) else {
            (text, works) = ("nowhere: neither HOME nor XDG_CACHE_HOME is set", false)
            return
        }
        do {
            try OutputFolder.check(folder)
            (text, works) = (folder, true)
        } catch { (text, works) = ("\(folder) cannot be written", false) }
    }
}
