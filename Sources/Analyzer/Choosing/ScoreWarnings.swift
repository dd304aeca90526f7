// Finds what a user should know before believing a score.

import Formats

/// Looks through a run's scores for signs that they mislead.
public struct ScoreWarnings {
    private let candidates: [Candidate]
    private let recommendation: Recommendation
    private let plan: GroupPlan
    private let options: ScoringOptions
    private let draws: Int
    private let excluded: [ExcludedFile]
    private let spread: ScoreSpread
    private let labels: [String]

    /// Mass above which views are hardly closer than strangers; chance is 0.5.
    private static let greatestMass = 0.4
    /// Mass below which there is no robustness left to see.
    private static let leastMass = 1e-6
    /// Fewer images than this give a rough standard error.
    private static let fewestImages = 20

    /// Collects the remarks of a run, serious ones first.
    ///
    /// - Parameter draws: how many pairs of views each image had; those of the options, unless views were given.
    public static func all(
        _ candidates: [Candidate], excluded: [ExcludedFile] = [], recommendation: Recommendation, plan: GroupPlan,
        options: ScoringOptions, draws: Int? = nil, spread: ScoreSpread
    ) -> [ScoreWarning] {
        let finder = ScoreWarnings(
            candidates: candidates, recommendation: recommendation, plan: plan, options: options,
            draws: draws ?? options.draws, excluded: excluded, spread: spread, labels: Candidate.labels(candidates))
        let found = finder.aboutCheckpoints() + finder.aboutCurves() + finder.aboutImages()
        return found.filter(\.isSerious) + found.filter { !$0.isSerious }
    }

    private func warning(
        _ kind: ScoreWarning.Kind, serious: Bool = true, _ message: String, _ checkpoints: [Int] = []
    ) -> ScoreWarning {
        ScoreWarning(
            kind: kind, isSerious: serious, message: message, checkpoints: checkpoints.map { candidates[$0].name })
    }

    private func list(_ checkpoints: [Int]) -> String {
        let names = checkpoints.map { labels[$0] }
        return names.prefix(5).joined(separator: ", ")
            + (names.count > 5 ? " and \(names.count - 5) other checkpoints" : "")
    }

    // MARK: Checkpoints

    private func aboutCheckpoints() -> [ScoreWarning] {
        var found: [ScoreWarning] = []
        let files = repeated { $0.contentHash }
        let originals = Candidate.originals(candidates)
        // A copy that says it is one, such as last.ckpt, is nothing to warn of.
        for copies in files where copies.count(where: { originals[$0] == nil }) > 1 {
            found.append(warning(.identicalFiles, "\(list(copies)) are the same file, byte for byte.", copies))
        }
        let sameScores = repeated { $0.score.fingerprint }.filter { copies in
            !files.contains(copies) && copies.count(where: { originals[$0] == nil }) > 1
        }
        for copies in sameScores {
            found.append(
                warning(
                    .identicalScores,
                    "\(list(copies)) have the same scores to the last bit: are they the same weights under another name?",
                    copies))
        }
        let broken = candidates.indices.filter { candidates[$0].score.entries.contains { $0.value.isNaN } }
        if !broken.isEmpty {
            found.append(
                warning(
                    .notANumber,
                    "\(list(broken)): some scores are not a number, because a feature vector was zero, constant or not "
                        + "finite.", broken))
        }
        let degenerate = candidates.indices.filter { candidates[$0].score.constantVectors > 0 }
        if !degenerate.isEmpty {
            let zero = degenerate.reduce(0) { $0 + candidates[$1].score.zeroVectors }
            let constant = degenerate.reduce(0) { $0 + candidates[$1].score.constantVectors }
            found.append(
                warning(
                    .degenerateFeatures,
                    "\(list(degenerate)): \(constant) feature vectors are constant, \(zero) of them all zero; the network "
                        + "does not see those images, or its input has another range than it was trained on.",
                    degenerate))
        }
        return found + aboutNetworks() + aboutExcluded() + aboutUntrained() + aboutAnnealing()
    }

    private func aboutNetworks() -> [ScoreWarning] {
        var counts: [String: Int] = [:]
        for candidate in candidates { counts[candidate.architecture ?? "another network", default: 0] += 1 }
        guard counts.count > 1 else { return [] }
        let networks = counts.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }
        let listed = networks.prefix(4).map { "\($0.value) × \($0.key)" } + (networks.count > 4 ? ["…"] : [])
        return [
            warning(
                .mixedNetworks,
                "The checkpoints hold \(networks.count) different networks (\(listed.joined(separator: "; "))), and scores of "
                    + "different networks do not compare; score each network's checkpoints on their own.")
        ]
    }

    private func aboutExcluded() -> [ScoreWarning] {
        guard let last = recommendation.last, let epoch = candidates[last].epoch, !excluded.isEmpty else { return [] }
        let names = CheckpointName.sequence(candidates.map(\.path) + excluded.map(\.path)).suffix(excluded.count)
        let newer = zip(excluded, names).filter { $1.epoch.map { $0 > epoch } ?? false }
        guard let newest = newer.max(by: { ($0.1.epoch ?? 0) < ($1.1.epoch ?? 0) }) else { return [] }
        return [
            warning(
                .newestExcluded,
                "\(newest.0.name), epoch \(newest.1.epoch ?? 0), could not be scored; the last checkpoint here is only the last "
                    + "that could, \(labels[last]).")
        ]
    }

    private func aboutUntrained() -> [ScoreWarning] {
        let untrained = recommendation.ineligible.filter(\.isUntrained).map(\.checkpoint)
        let beating = untrained.filter { index in
            recommendation.decidedBy.allSatisfy { setting in
                guard let value = candidates[index].score[setting]?.value, value.isFinite else { return false }
                let trained = recommendation.standings.compactMap { candidates[$0.checkpoint].score[setting]?.value }
                return !trained.isEmpty && trained.allSatisfy { value < $0 }
            }
        }
        guard let first = beating.first else { return [] }
        return [
            warning(
                .untrainedScoresBest,
                "The untrained checkpoint (\(labels[first])) scores lower than every trained one: on these images the "
                    + "score rewards something that training does not bring; doubt it.", beating)
        ]
    }

    private func aboutAnnealing() -> [ScoreWarning] {
        guard let pick = recommendation.pick, let last = recommendation.last, pick != last,
            candidates[pick].hasPlace, candidates[last].hasPlace
        else { return [] }
        return [
            warning(
                .notAnnealed, serious: false,
                "\(labels[pick]) lies within a longer schedule, so its learning rate was not yet low; a run planned to end "
                    + "there may be better still.", [pick])
        ]
    }

    // MARK: Curves

    private func aboutCurves() -> [ScoreWarning] {
        var found: [ScoreWarning] = []
        var spreadLevels: [Int] = []
        for setting in recommendation.decidedBy {
            let values = candidates.compactMap { $0.score[setting]?.value }.filter(\.isFinite)
            if values.count > 1, let least = values.min(), let greatest = values.max(), least == greatest {
                found.append(
                    warning(.constantCurve, "All checkpoints have the same score at \(setting): it decides nothing."))
            }
            let masses = masses(setting)
            let strangers = masses.filter { $0.mass > Self.greatestMass }.map(\.index)
            if !strangers.isEmpty {
                found.append(
                    warning(
                        .viewsLikeStrangers,
                        "\(list(strangers)): at level \(setting.level) two views of an image are hardly closer than views "
                            + "of different images; are the images clamped or not scaled to 0…1?", strangers))
            }
            if !masses.isEmpty, masses.allSatisfy({ $0.mass < Self.leastMass }) { spreadLevels.append(setting.level) }
        }
        if !spreadLevels.isEmpty {
            let levels = spreadLevels.map { "\($0)" }.joined(separator: " and ")
            found.append(
                warning(
                    .onlySpread, serious: false,
                    "At level \(levels) no view is closer to another image than to its twin: the score measures how far "
                        + "apart the network keeps images more than how robust it is."))
        }
        return found + aboutLevels()
    }

    /// The violating mass of each checkpoint where a setting looks.
    private func masses(_ setting: ScoreSetting) -> [(index: Int, mass: Double)] {
        candidates.indices.compactMap { index in
            let separation = candidates[index].score.separations.first {
                $0.level == setting.level && $0.pooling == setting.pooling && $0.distance == setting.distance
                    && $0.negatives == setting.negatives
            }
            return separation.map { (index, $0.violatingMass) }
        }
    }

    private func aboutLevels() -> [ScoreWarning] {
        let columns = recommendation.decidedBy.map { setting in
            recommendation.standings.compactMap { candidates[$0.checkpoint].score[setting]?.value }
        }
        guard columns.count == 2, let correlation = spearman(columns[0], columns[1]), correlation < 0 else { return [] }
        let levels = recommendation.decidedBy.map(\.level)
        return [
            warning(
                .levelsDisagree,
                "Levels \(levels[0]) and \(levels[1]) order the checkpoints in opposite ways, so their mean rank says "
                    + "little.")
        ]
    }

    // MARK: Images

    private func aboutImages() -> [ScoreWarning] {
        var found: [ScoreWarning] = []
        let asksPaper = options.grid.negatives.contains(.paper)
        let asksAll = options.grid.negatives.contains(.all)
        if asksPaper, let image = plan.selfMatchedImage {
            found.append(
                warning(
                    .selfMatchedImage,
                    "With \(plan.imageCount) images, an odd number, the paper's pairing makes image \(image + 1) its own "
                        + "negative: its loss is the margin."))
        }
        let lonely = plan.imagesWithoutNegatives
        if asksAll, !lonely.isEmpty {
            found.append(
                warning(
                    .imagesWithoutNegatives,
                    "\(lonely.count) of \(plan.imageCount) images have no image of another case in their group and are left "
                        + "out; larger groups would keep them."))
        }
        if plan.isSingleCase {
            found.append(
                warning(
                    .singleCase,
                    "All images come from one case: neighbouring slices are each other's negatives, and nothing is known "
                        + "about other patients."))
        }
        if plan.imageCount < Self.fewestImages {
            found.append(
                warning(.fewImages, "\(plan.imageCount) images are too few for the standard errors to mean much."))
        }
        if spread.sharesViews, draws == 1 {
            found.append(
                warning(
                    .unknownViewNoise, serious: false,
                    "One pair of views of each image, made for all images at once: how much the scores hang on that one draw "
                        + "is unknown and not in the standard errors."))
        }
        return found
    }

    // MARK: Copies

    /// Groups of two or more checkpoints with equal keys.
    private func repeated<Key: Hashable>(_ key: (Candidate) -> Key?) -> [[Int]] {
        var groups: [Key: [Int]] = [:]
        for (index, candidate) in candidates.enumerated() {
            if let key = key(candidate) { groups[key, default: []].append(index) }
        }
        return groups.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    }
}
