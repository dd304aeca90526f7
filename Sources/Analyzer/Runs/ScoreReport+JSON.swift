// The report for programs: `scores.json`, schema `ripe.scores/1`.

public import Formats

extension ScoreReport {
    /// The schema's name and version.
    public static let schema = "ripe.scores/1"

    /// The report as JSON. Numbers that are not finite are null; levels count from 1, shallow to deep.
    public var json: JSON {
        .object([
            "schema": .string(Self.schema),
            "settings": settingsJSON,
            "target": target,
            "checkpoints": .array(candidates.indices.map(checkpointJSON)),
            "excluded": .array(
                excluded.map {
                    .object(["path": .string($0.path), "name": .string($0.name), "reason": .string($0.reason)])
                }),
            "recommendation": recommendationJSON,
            "warnings": .array(
                warnings.map {
                    .object([
                        "kind": .string($0.kind.rawValue), "serious": .bool($0.isSerious),
                        "message": .string($0.message),
                        "checkpoints": .strings($0.checkpoints),
                    ])
                }),
        ])
    }

    private var settingsJSON: JSON {
        let temperatures = options.grid.losses.compactMap { loss -> Double? in
            if case .infonce(let temperature) = loss { temperature } else { nil }
        }
        let margins = options.grid.losses.compactMap { loss -> Double? in
            if case .hinge(let margin) = loss { margin } else { nil }
        }
        var losses: [String] = []
        for loss in options.grid.losses where !losses.contains(loss.name) { losses.append(loss.name) }
        let levels: JSON =
            switch options.grid.levels {
            case .all: .string("all")
            case .numbers(let numbers): .integers(numbers)
            }
        return .object([
            "preset": preset.map { .string($0.rawValue) } ?? .null,
            "losses": .strings(losses),
            "distances": .strings(options.grid.distances.map(\.rawValue)),
            "margins": .array(margins.map(JSON.real)),
            "temperatures": .array(temperatures.map(JSON.real)),
            "levels": levels,
            "poolings": .strings(options.grid.poolings.map(\.rawValue)),
            "tokenPooling": .string(options.tokenPooling.rawValue),
            "negatives": .strings(options.grid.negatives.map(\.rawValue)),
            // Given views are one pair, and nothing is known of how they were made.
            "draws": .integer(views == .given ? 1 : options.draws),
            "jitterPer": views == .given ? .null : .string(options.jitterScope.rawValue),
            "jitterRanges": views == .given ? .null : rangesJSON,
            "groupSize": .integer(options.groupSize),
            "seed": .number("\(options.seed)"),
        ])
    }

    private var rangesJSON: JSON {
        func pair(_ range: ClosedRange<Double>) -> JSON { .array([.real(range.lowerBound), .real(range.upperBound)]) }
        let ranges = options.jitterRanges
        return .object([
            "brightness": pair(ranges.brightness), "contrast": pair(ranges.contrast),
            "saturation": pair(ranges.saturation), "hue": pair(ranges.hue),
        ])
    }

    private func checkpointJSON(_ index: Int) -> JSON {
        let candidate = candidates[index]
        let ineligible = recommendation.ineligible.first { $0.checkpoint == index }
        return .object([
            "path": .string(candidate.path),
            "name": .string(candidate.name),
            "epoch": candidate.epoch.map(JSON.integer) ?? .null,
            "step": candidate.step.map(JSON.integer) ?? .null,
            "architecture": candidate.architecture.map(JSON.string) ?? .null,
            "network": .object(candidate.networkFacts.map { .init(key: $0.key, value: .string($0.value)) }),
            "contentHash": candidate.contentHash.map(JSON.string) ?? .null,
            "untrained": .bool(ineligible?.isUntrained ?? false),
            "notConsidered": ineligible.map { .string($0.reason) } ?? .null,
            "scores": .array(candidate.score.entries.map(entryJSON)),
            "separations": .array(candidate.score.separations.map(separationJSON)),
        ])
    }

    private func entryJSON(_ entry: CheckpointScore.Entry) -> JSON {
        .object(
            settingMembers(entry.setting) + [
                .init(key: "value", value: .real(entry.value)),
                .init(key: "standardError", value: .real(entry.standardError)),
                .init(key: "n", value: .integer(entry.n)),
            ])
    }

    private func settingMembers(_ setting: ScoreSetting) -> [JSON.Member] {
        [
            .init(key: "loss", value: .string(setting.loss.name)),
            .init(key: "distance", value: .string(setting.distance.rawValue)),
            .init(key: "margin", value: setting.margin.map(JSON.real) ?? .null),
            .init(key: "level", value: .integer(setting.level)),
            .init(key: "pooling", value: .string(setting.pooling.rawValue)),
            .init(key: "negatives", value: .string(setting.negatives.rawValue)),
        ]
    }

    private func separationJSON(_ separation: CheckpointScore.Separation) -> JSON {
        .object([
            "distance": .string(separation.distance.rawValue), "level": .integer(separation.level),
            "pooling": .string(separation.pooling.rawValue), "negatives": .string(separation.negatives.rawValue),
            "meanPositive": .real(separation.meanPositive), "meanNegative": .real(separation.meanNegative),
            "violatingMass": .real(separation.violatingMass),
        ])
    }

    private var recommendationJSON: JSON {
        func file(_ index: Int?) -> JSON {
            guard let index else { return .null }
            let candidate = candidates[index]
            return .object([
                "path": .string(candidate.path), "name": .string(candidate.name),
                "epoch": candidate.epoch.map(JSON.integer) ?? .null, "step": candidate.step.map(JSON.integer) ?? .null,
            ])
        }
        return .object([
            "rule": .string(recommendation.rule.rawValue),
            "pick": file(recommendation.pick),
            "sentence": .string(recommendation.sentence),
            "rules": .object(PickRule.allCases.map { .init(key: $0.rawValue, value: file(recommendation.picks[$0])) }),
            "tied": .strings(recommendation.tied.map { candidates[$0].path }),
            "baselines": .object([
                "last": file(recommendation.last),
                "orderCorrelation": recommendation.orderCorrelation.map(JSON.real) ?? .null,
            ]),
            "standings": .array(recommendation.standings.map(standingJSON)),
            "decidedBy": .array(recommendation.decidedBy.map { .object(settingMembers($0)) }),
            "resamplings": .integer(recommendation.resamplings),
            "confidence": .real(recommendation.confidence),
        ])
    }

    private func standingJSON(_ standing: Recommendation.Standing) -> JSON {
        .object([
            "path": .string(candidates[standing.checkpoint].path),
            "name": .string(candidates[standing.checkpoint].name),
            "combined": .real(standing.combined),
            "betterThanLast": .real(standing.shareBetterThanLast),
            "first": .real(standing.shareFirst),
            "beatsLast": .bool(standing.beatsLast),
            "tied": .bool(standing.isTied),
        ])
    }
}
