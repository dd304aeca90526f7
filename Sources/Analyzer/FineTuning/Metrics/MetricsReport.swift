// The report of a fine-tuned network's measures: metrics.json, schema `ripe.metrics/1`, and a row for each case.

public import Formats

/// The measures on the test and validation sets, for programs and for people.
public struct MetricsReport: Sendable {
    /// The schema's name and version.
    public static let schema = "ripe.metrics/1"

    /// The sets in the order of the report, each with its key.
    public let sets: [(key: String, results: MetricResults)]
    /// Further members of the JSON object, such as the checkpoint and the settings of the training.
    public let facts: [JSON.Member]

    /// A report.
    ///
    /// - Parameter facts: members that stand behind the schema.
    public init(test: MetricResults?, validation: MetricResults?, facts: [JSON.Member] = []) {
        sets = [("test", test), ("validation", validation)].compactMap { key, results in
            results.map { (key, $0) }
        }
        self.facts = facts
    }

    /// The report as JSON: docs/metrics.md describes every member. Values that are undefined are null.
    public var json: JSON {
        var members = [JSON.Member(key: "schema", value: .string(Self.schema))] + facts
        if let first = sets.first {
            let classes = first.results.settings.classes
            members.append(.init(key: "classes", value: .strings(Array(classes.dropFirst()))))
            members.append(.init(key: "background", value: .string(classes[0])))
            members.append(.init(key: "backgroundInMeans", value: false))
        }
        return .object(members + sets.map { .init(key: $0.key, value: $0.results.json) })
    }

    /// A row for each set, case and class, with a header row; undefined values are empty.
    public var caseTable: String {
        let metrics = SegmentationMetric.allCases.filter { metric in
            sets.contains { $0.results.settings.metrics.contains(metric) }
        }
        let header =
            ["set", "case", "class"] + metrics.map(\.rawValue) + ["distanceUnit", "truthPixels", "predictedPixels"]
        var lines = [header.joined(separator: ",")]
        for (key, results) in sets {
            for part in results.cases {
                for (index, name) in results.settings.foreground.enumerated() {
                    let counts = part.confusion[index + 1]
                    let values = metrics.map { part.values[$0, index].map { "\($0)" } ?? "" }
                    let cells =
                        [key, CSV.field(part.name), CSV.field(name)] + values
                        + [part.unit.rawValue, "\(counts.truth)", "\(counts.predicted)"]
                    lines.append(cells.joined(separator: ","))
                }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension MetricResults {
    /// The set's part of ``MetricsReport/json``.
    var json: JSON {
        var members: [JSON.Member] = [
            .init(key: "caseCount", value: .integer(cases.count)),
            .init(key: "imageCount", value: .integer(imageCount)),
            .init(key: "pixels", value: .integer(confusion.total)),
            .init(key: "ignoredPixels", value: .integer(confusion.ignored)),
            .init(key: "distanceUnit", value: unit.map { .string($0.rawValue) } ?? .null),
        ]
        for metric in SegmentationMetric.allCases where settings.metrics.contains(metric) {
            if metric.family != .distance {
                members.append(.init(key: metric.rawValue, value: pooledJSON(metric)))
            }
            if settings.measuresImages {
                members.append(
                    .init(
                        key: metric.rawValue + "ByImage",
                        value: .object(
                            means(byImage, metric) + [
                                .init(key: "undefined", value: .integers(undefinedImages(metric)))
                            ])))
            }
            members.append(.init(key: metric.rawValue + "ByCase", value: byCaseJSON(metric)))
        }
        let rows = (0..<confusion.classCount).map { row in
            JSON.integers(Array(confusion.counts[row * confusion.classCount..<(row + 1) * confusion.classCount]))
        }
        return .object(members + [.init(key: "confusion", value: .array(rows))])
    }

    private func pooledJSON(_ metric: SegmentationMetric) -> JSON {
        var members = means(pooled, metric)
        if metric.family == .ranking {
            let error = rankingErrors[metric].compactMap(\.self).max()
            members.append(.init(key: "maximumError", value: error.map(JSON.real) ?? .null))
        }
        return .object(members)
    }

    private func byCaseJSON(_ metric: SegmentationMetric) -> JSON {
        let rows = cases.map { part in
            JSON.object([.init(key: "case", value: .string(part.name))] + means(part.values, metric))
        }
        return .object(
            means(byCase, metric) + [
                .init(key: "undefined", value: .integers(undefinedCases(metric))),
                .init(key: "cases", value: .array(rows)),
            ])
    }

    private func means(_ values: MetricValues, _ metric: SegmentationMetric) -> [JSON.Member] {
        [
            .init(key: "mean", value: values.mean(metric).map(JSON.real) ?? .null),
            .init(key: "perClass", value: .array(values[metric].map { $0.map(JSON.real) ?? .null })),
        ]
    }
}
