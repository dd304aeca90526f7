// Options that say which scores to compute: a preset, and whatever departs from it.

import Analyzer
import ArgumentParser

/// `--preset` and the settings it stands for.
struct ScoringChoices: ParsableArguments {
    @Option(
        help:
            "Where the settings below start from: ripe (the default) or paper (the authors' setting and rule to the letter).",
        transform: { try word($0, ScoringPreset.self) })
    var preset = ScoringPreset.ripe

    @Option(
        help: ArgumentHelp(
            "hinge, infonce or both, separated by commas. Of every list the first decides, but margin 0.5 and cosine where listed.",
            valueName: "losses"),
        transform: { try words($0, LossName.self) })
    var loss: [LossName] = []

    @Option(
        help: ArgumentHelp("cosine, l2, pearson.", valueName: "distances"), transform: { try words($0, Distance.self) })
    var distance: [Distance] = []

    @Option(
        help: ArgumentHelp("Margins of the hinge loss, such as 0,0.25,0.5.", valueName: "margins"),
        transform: { try numbers($0) })
    var margin: [Double] = []

    @Option(help: "Temperature of the infonce loss.")
    var temperature = 0.1

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("all, or level numbers: 1 is the shallowest, -1 the deepest.", valueName: "levels"),
        transform: { try LevelSelection(argument: $0) })
    var level: LevelSelection?

    @Option(
        help: ArgumentHelp("pooled (mean over space), flat (every entry).", valueName: "poolings"),
        transform: { try words($0, Pooling.self) })
    var pooling: [Pooling] = []

    @Option(
        help: ArgumentHelp(
            "What pooled means for token networks such as the paper's Swin U-Net: the mean over positions, or over channels as "
                + "in the authors' code. (default: positions; channels for --preset paper)",
            valueName: "axis"),
        transform: { try word($0, TokenPooling.self) })
    var tokenPooling: TokenPooling?

    @Option(
        help: ArgumentHelp(
            "all (all other images of the group), paper (one other image each).", valueName: "negatives"),
        transform: { try words($0, Negatives.self) })
    var negatives: [Negatives] = []

    @Option(
        help: ArgumentHelp(
            "Who shares a random jitter: image (each its own) or batch (all images of a view).", valueName: "scope"),
        transform: { try word($0, JitterScope.self) })
    var jitterPer: JitterScope?

    @Option(help: ArgumentHelp("Random pairs of views of each image.", valueName: "count"))
    var draws: Int?

    @Option(help: "Fixes every random choice.")
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp(
            "How to pick: guarded (an earlier checkpoint only if it beats the last by more than the noise), best (lowest "
                + "score), earliest (of those that cannot be told from the best). (default: guarded; best for --preset paper)",
            valueName: "rule"),
        transform: { try word($0, PickRule.self) })
    var rule: PickRule?

    func validate() throws {
        guard temperature > 0, temperature.isFinite else { throw ValidationError("--temperature must be above 0") }
        guard draws.map({ (1...10_000).contains($0) }) ?? true else {
            throw ValidationError("--draws must be from 1 to 10000")
        }
        guard margin.isEmpty || loss.isEmpty || loss.contains(.hinge) else {
            throw ValidationError("--margin belongs to --loss hinge, which is not asked for")
        }
        guard !loss.contains(.infonce) || options.grid.negatives.contains(.all) else {
            let place = negatives.isEmpty ? "--preset paper takes those of the paper" : "--negatives paper is asked for"
            throw ValidationError("--loss infonce needs --negatives all, and \(place)")
        }
    }

    /// What to compute.
    var options: ScoringOptions {
        var options = preset.options
        let names = loss.isEmpty ? [.hinge] : loss
        let margins = margin.isEmpty ? [0.5] : margin
        options.grid.losses = names.flatMap { name -> [Loss] in
            name == .hinge ? margins.map { .hinge(margin: $0) } : [.infonce(temperature: temperature)]
        }
        if !distance.isEmpty { options.grid.distances = distance }
        if let level { options.grid.levels = level }
        if !pooling.isEmpty { options.grid.poolings = pooling }
        if !negatives.isEmpty { options.grid.negatives = negatives }
        if let tokenPooling { options.tokenPooling = tokenPooling }
        if let jitterPer { options.jitterScope = jitterPer }
        if let draws { options.draws = draws }
        options.seed = seed
        return options
    }

    /// The option given, if any, that says how views are made.
    var viewOption: String? { jitterPer != nil ? "--jitter-per" : draws != nil ? "--draws" : nil }

    /// How to pick.
    var pickRule: PickRule { rule ?? (preset == .paper ? .best : .guarded) }

    /// What the preset says of networks that cannot tell it: the paper trained its ResNet with stochastic depth 0.1.
    var architectureDefaults: [String: String] { preset == .paper ? ["stochastic_depth_rate": "0.1"] : [:] }

    /// A loss as the command line names it.
    enum LossName: String, CaseIterable {
        case hinge, infonce
    }
}
