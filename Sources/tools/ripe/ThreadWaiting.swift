// How the network's threads wait for each other: briefly busy, then asleep.

import Glibc

/// A command that runs networks on several threads.
protocol RunsNetworks {
    /// Whether this run of it does, by its options.
    var runsNetworks: Bool { get }
}

extension RunsNetworks {
    var runsNetworks: Bool { true }
}

/// libgomp's threads by default wait for the next kernel by spinning for long. With another process on the machine the
/// spinning ones take the processor from the very thread they wait for: on two cores with two busy neighbours ResNet-50
/// was measured at 5 images a second instead of 34. The setting is an environment variable that is read when the library
/// is loaded, which is before `main`, so the program starts itself anew with it.
enum ThreadWaiting {
    private static let variable = "GOMP_SPINCOUNT"
    /// About as long as it takes to wake a thread (tens of microseconds): what costs nothing measurable on an idle machine.
    private static let spins = "2000"

    /// Starts the program anew, in place, unless the user has said how threads are to wait or it cannot be done.
    static func makeBrief() {
        guard getenv(variable) == nil, getenv("OMP_WAIT_POLICY") == nil else { return }
        guard let program = realpath("/proc/self/exe", nil) else { return }
        setenv(variable, spins, 1)
        execv(program, CommandLine.unsafeArgv)
        free(program)
    }
}
