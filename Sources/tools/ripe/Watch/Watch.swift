// `ripe watch`: scores checkpoints as pretraining writes them, and says when to stop.

import Analyzer
import ArgumentParser
import Formats
import FoundationEssentials
import Glibc

/// Watches a folder of checkpoints.
struct Watch: ParsableCommand, RunsNetworks {
    static let configuration = CommandConfiguration(
        abstract: "Score each checkpoint as pretraining writes it, and say when to stop.",
        usage: "ripe watch FOLDER --target IMAGES [--patience N] [--on-stop COMMAND] [--out DIR]",
        discussion: """
            Every checkpoint is scored once it is complete, by the rules of 'ripe score', at low priority and on half of the \
            cores. Partial files are waited for. A watch that was ended, in whatever way, goes on where it was when it is \
            started again: finished scores are kept.

            Pretraining may stop when none of the last --patience checkpoints beats the best one before them by more than the \
            noise. Then a STOP file is written into the folder (--stop-file names another), the command of --on-stop is run, \
            and the exit code is 3. The command finds in its environment RIPE_PICK (the path of the recommended checkpoint), \
            RIPE_PICK_EPOCH, RIPE_REASON, RIPE_STOP_FILE and RIPE_OUT.

            What stopping by such a score is worth: \(StoppingRule.record)

            Exit codes: 0 --once is done and the rule does not stop; 1 failed, or --once left files out; 3 the rule says stop; \
            64 wrong usage; 130 ended by Ctrl-C, with everything kept.

            Examples:
              ripe watch runs/resnet50 --target Dataset027_ACDC
              ripe watch runs/resnet50 --target scans --patience 8 --min-epochs 50 --on-stop 'touch runs/resnet50/stop_training'
              ripe watch runs/resnet50 --target scans --once --out scores
            """)

    @Argument(help: "What is watched: a folder of checkpoints, or several, or patterns.", completion: .directory)
    var checkpoints: [String]

    @OptionGroup(title: "Stopping") var stopping: StoppingOptions
    @OptionGroup(title: "Watching") var watching: WatchingOptions
    @OptionGroup var setup: ScoreSetup

    func validate() throws { try setup.checkSource() }

    func run() throws {
        Interrupt.install()
        FileSignals.startAnew()
        watching.giveWay()
        let progress = ProgressLine(isSilent: watching.json)
        defer { progress.clear() }
        if let out = setup.out { try OutputFolder.check(out) }
        let job = setup.job(threads: setup.threads.modestCount)
        let lock = WatchLock(checkpoints, beside: job.cache)
        if let other = lock.holder {
            progress.remark(
                "note: another 'ripe watch' (process \(other)) has the same folder; both share finished scores, "
                    + "and both may write a STOP file")
        }
        let scoredOn = try setup.scoredOn(job, progress: progress)
        progress.remark("Watching \(checkpoints.joined(separator: ", ")); scoring on \(scoredOn.summary).")
        for note in scoredOn.notes { progress.remark("  note: \(note)") }
        if job.cache == nil { progress.remark("  note: with --no-cache a watch that is ended has to begin anew") }
        var loop = WatchLoop(
            job: job, scoredOn: scoredOn, run: try job.run(on: scoredOn), places: checkpoints, stopping: stopping,
            watching: watching, out: setup.out, screen: WatchScreen(progress, isJSON: watching.json))
        switch try loop.run() {
        case .stop: throw ToolError.stopAdvised
        case .incomplete: throw ToolError.incomplete
        case .done: break
        }
    }
}

/// When to stop, and what then.
struct StoppingOptions: ParsableArguments {
    @Option(help: "Checkpoints that may bring nothing before the rule says stop; 0 for never.")
    var patience = 5

    @Option(help: "The rule is silent before this epoch.")
    var minEpochs = 0

    @Option(help: "Confidence of \"by more than the noise\".")
    var confidence = 0.95

    @Option(help: ArgumentHelp("Run this by the shell when the rule says stop.", valueName: "command"))
    var onStop: String?

    @Option(
        help: ArgumentHelp("Written when the rule says stop. (default: STOP in the folder)", valueName: "file"),
        completion: .file())
    var stopFile: String?

    func validate() throws {
        guard (0...100_000).contains(patience) else { throw ValidationError("--patience must be 0 or more") }
        guard minEpochs >= 0 else { throw ValidationError("--min-epochs must be 0 or more") }
        guard (0.5..<1).contains(confidence) else { throw ValidationError("--confidence must be from 0.5 to below 1") }
    }

    /// The rule; nil for never.
    var rule: StoppingRule? {
        patience == 0 ? nil : StoppingRule(patience: patience, minEpochs: minEpochs, confidence: confidence)
    }
}

/// How to watch.
struct WatchingOptions: ParsableArguments {
    @Flag(help: "Score what is there, judge it, and exit.")
    var once = false

    @Option(
        help: ArgumentHelp(
            "Look at least so often; folders of this machine also tell at once.", valueName: "seconds"))
    var poll = 10.0

    @Option(
        help: ArgumentHelp(
            "A file must not have changed for so long before it counts as complete.", valueName: "seconds"))
    var settle = 2.0

    @Option(help: "Priority to give way to others: 0 for none, 19 for most.")
    var nice: Int32 = 10

    @Flag(help: "Print one JSON object a line for everything that happens, and nothing else.")
    var json = false

    /// Lowers this process's priority.
    ///
    /// Linux shares the processor among sessions first (autogroup, sched(7)), where the priority of a process counts for
    /// nothing: a watch that leads its own session, as under `setsid`, lowers the session's too.
    func giveWay() {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, nice)
        guard getsid(0) == getpid(), let group = fopen("/proc/self/autogroup", "w") else { return }
        fputs("\(nice)", group)
        fclose(group)
    }

    func validate() throws {
        guard (0.1...3600).contains(poll) else { throw ValidationError("--poll must be from 0.1 to 3600") }
        guard (0...3600).contains(settle) else { throw ValidationError("--settle must be from 0 to 3600") }
        guard (0...19).contains(nice) else { throw ValidationError("--nice must be from 0 to 19") }
    }
}
