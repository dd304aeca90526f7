// Tables of scores, checkpoints by levels, coloured: one for each way to make a score.

import Formats

/// The heat maps of a run, the deciding one first.
struct HeatMaps {
    /// One way to make a score, over all levels.
    struct Map {
        let setting: ScoreSetting
        let levels: [Int]
        /// [checkpoint][level]
        let cells: [[Cell]]
        let isDeciding: Bool
    }

    /// A score, and how strongly it is coloured: 0 for the highest of its level's considered ones, 8 for the lowest; nil for
    /// one that was not considered.
    struct Cell {
        let value: Double?
        let standardError: Double?
        let shade: Int?
    }

    /// More cells than this would make a page that browsers are slow with; scores.csv has them all.
    static let cellLimit = 20_000

    let maps: [Map]
    let labels: [String]
    /// Ways that are left out for the number of their cells.
    let leftOut: Int

    init(_ scores: ReportedScores) {
        labels = scores.checkpoints.map(\.label)
        var settings: [ScoreSetting] = []
        var known: Set<ScoreSetting> = []
        for setting in scores.decidedBy + scores.checkpoints.flatMap(\.settings) where known.insert(setting).inserted {
            settings.append(setting)
        }
        var groups: [(key: ScoreSetting, settings: [ScoreSetting])] = []
        for setting in settings {
            let key = Self.withoutLevel(setting)
            if let index = groups.firstIndex(where: { $0.key == key }) {
                groups[index].settings.append(setting)
            } else {
                groups.append((key, [setting]))
            }
        }
        let deciding = Set(scores.decidedBy.map(Self.withoutLevel))
        let all = groups.sorted {
            (deciding.contains($0.key) ? 0 : 1) < (deciding.contains($1.key) ? 0 : 1)
        }
        var cells = 0
        var maps: [Map] = []
        for group in all {
            cells += group.settings.count * scores.checkpoints.count
            guard cells <= Self.cellLimit || maps.isEmpty else { break }
            maps.append(Self.map(group, scores, isDeciding: deciding.contains(group.key)))
        }
        self.maps = maps
        leftOut = all.count - maps.count
    }

    private static func withoutLevel(_ setting: ScoreSetting) -> ScoreSetting {
        var setting = setting
        setting.level = 0
        return setting
    }

    private static func map(
        _ group: (key: ScoreSetting, settings: [ScoreSetting]), _ scores: ReportedScores, isDeciding: Bool
    ) -> Map {
        let settings = group.settings.sorted { $0.level < $1.level }
        let ranges = settings.map { setting in
            let values = scores.considered.compactMap { scores.checkpoints[$0].scores[setting]?.value }
            return (low: values.min() ?? 0, high: values.max() ?? 0)
        }
        let cells = scores.checkpoints.map { checkpoint in
            zip(settings, ranges).map { setting, range in
                let score = checkpoint.scores[setting]
                let isShaded = checkpoint.standing != nil
                return Cell(
                    value: score?.value, standardError: score?.standardError,
                    shade: isShaded ? score?.value.map { shade($0, range) } : nil)
            }
        }
        return Map(setting: group.key, levels: settings.map(\.level), cells: cells, isDeciding: isDeciding)
    }

    private static func shade(_ value: Double, _ range: (low: Double, high: Double)) -> Int {
        guard range.high > range.low else { return 4 }
        return Int((8 * (range.high - value) / (range.high - range.low)).rounded())
    }

    /// A way to make a score in words.
    static func title(_ setting: ScoreSetting) -> String {
        let loss =
            switch setting.loss {
            case .hinge(let margin): "hinge loss, margin \(margin)"
            case .infonce(let temperature): "contrastive loss, temperature \(temperature)"
            }
        return "\(setting.pooling.rawValue) features, \(setting.distance.rawValue) distance, \(loss), "
            + "\(setting.negatives.rawValue) negatives"
    }

    /// The tables as JSON.
    var json: JSON {
        .array(
            maps.map { map in
                .object([
                    "title": .string(Self.title(map.setting)), "decides": .bool(map.isDeciding),
                    "levels": .integers(map.levels), "checkpoints": .strings(labels),
                    "values": .array(
                        map.cells.map { .array($0.map { $0.value.map(JSON.real) ?? .null }) }),
                ])
            })
    }

    /// The deciding tables, and the others.
    var page: (deciding: PageValue, others: PageValue?) {
        let deciding = maps.filter(\.isDeciding)
        let first = deciding.isEmpty ? Array(maps.prefix(1)) : deciding
        let others = deciding.isEmpty ? Array(maps.dropFirst()) : maps.filter { !$0.isDeciding }
        let note =
            leftOut > 0
            ? "\(leftOut) further settings are left out here for their number; scores.csv holds them." : nil
        guard !others.isEmpty || leftOut > 0 else { return (.list(first.map(page)), nil) }
        let shown: PageValue = .object([
            "count": .text(ReportNumbers.counted(others.count, "further setting")), "maps": .list(others.map(page)),
            "leftOut": note.map { .text($0) },
        ])
        return (.list(first.map(page)), shown)
    }

    private func page(_ map: Map) -> PageValue {
        let rows = zip(labels, map.cells).map { label, cells in
            PageValue.object([
                "label": .text(label),
                "cells": .list(
                    zip(cells, map.levels).map { cell, level in
                        .object([
                            "text": .text(ReportNumbers.fixed(cell.value, 4)),
                            "shade": .text(cell.shade.map { "h\($0)" } ?? "aside"),
                            "title": .text(
                                "\(label), level \(level): \(ReportNumbers.fixed(cell.value, 4)) ± "
                                    + ReportNumbers.fixed(cell.standardError, 4)),
                        ])
                    }),
            ])
        }
        return .object([
            "title": .text(Self.title(map.setting)),
            "levels": .texts(map.levels.map { "level \($0)" }), "rows": .list(rows),
        ])
    }
}
