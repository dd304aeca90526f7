// What `ripe doctor` says of what it finds.

import Engine
import Formats

/// Findings that are worth a change, the most important first.
enum DoctorAdvice {
    static func all(_ machine: Machine, speed: SpeedTest?, cache: CacheFolderCheck, threads: Int) -> [String] {
        instructions(machine) + load(machine, threads) + environmentSettings() + memory(machine) + rate(speed)
            + (cache.works
                ? []
                : ["Finished scores cannot be kept (\(cache.text)): give --cache a folder, or every run begins anew."])
    }

    private static func instructions(_ machine: Machine) -> [String] {
        let can =
            machine.features.isSuperset(of: ["avx512f", "avx512bw", "avx512dq", "avx512vl"])
            ? 16
            : machine.features.contains("avx2") ? 8 : 4
        if KernelFacts.vectorWidth < can {
            let limit = environment("ONEDNN_MAX_CPU_ISA") ?? environment("DNNL_MAX_CPU_ISA")
            let cause = limit.map { "the variable ONEDNN_MAX_CPU_ISA is \($0); unset it" } ?? "install a newer libdnnl"
            return ["oneDNN uses \(KernelFacts.instructionSet) although the processor can do more: \(cause)."]
        }
        if can == 4 {
            return ["The processor has no AVX2: networks run several times slower than on one of the last ten years."]
        }
        return []
    }

    private static func load(_ machine: Machine, _ threads: Int) -> [String] {
        var advice: [String] = []
        if let load = machine.load, load > Double(machine.cores) * 0.7 {
            advice.append(
                "Other programs keep \(fixed(load, 1)) of \(machine.cores) cores busy: give --threads what is left, or wait."
            )
        }
        if machine.usableCores < machine.cores {
            advice.append(
                "Only \(machine.usableCores) of \(machine.cores) cores are granted (affinity or the container's quota): "
                    + "ask for more, such as --cpus-per-task of Slurm or --cpus of Docker.")
        }
        if threads > machine.usableCores {
            advice.append("\(threads) threads on \(machine.usableCores) cores wait for each other: lower --threads.")
        }
        return advice
    }

    private static func environmentSettings() -> [String] {
        var advice: [String] = []
        if let wait = environment("OMP_WAIT_POLICY"), wait.lowercased() == "active" {
            advice.append("OMP_WAIT_POLICY=active makes waiting threads take time from the others: unset it.")
        }
        if environment("OMP_PROC_BIND").map({ !["", "false"].contains($0.lowercased()) }) == true {
            advice.append(
                "OMP_PROC_BIND ties all programs' threads to the same cores where several run: unset it for Ripe.")
        }
        return advice
    }

    private static func memory(_ machine: Machine) -> [String] {
        let free = min(machine.availableMemory ?? .max, machine.memoryLimit ?? .max)
        guard free < 2 << 30 else { return [] }
        return ["Only \(byteSize(free)) of memory are free; scoring ResNet-50 takes about 1 GB: close other programs."]
    }

    private static func rate(_ speed: SpeedTest?) -> [String] {
        guard let speed, speed.share < 0.6 else { return [] }
        return [
            "ResNet-50 reaches only \(fixed(100 * speed.share, 0)) % of the machine's matrix multiplication, where 80 to 120 % "
                + "are usual: something else may be running, or the threads are too many."
        ]
    }
}
