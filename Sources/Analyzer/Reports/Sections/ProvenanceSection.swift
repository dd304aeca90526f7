// How the results came to be: commands, machine, versions, time, hashes.

import Formats

/// Everything that is needed to do it again.
struct ProvenanceSection {
    let content: ReportContent

    /// A block for each command.
    var commands: PageValue? {
        guard !content.commands.isEmpty else { return nil }
        return .list(content.commands.map(Self.command))
    }

    private static func command(_ record: JSON) -> PageValue {
        let words = (record["command"]?.array ?? []).map { $0.string ?? "?" }
        let name = words.first?.split(separator: "/").last.map(String.init)
        let line = ([name ?? "?"] + words.dropFirst()).map(RecommendationSection.quoted).joined(separator: " ")
        var pairs: [(key: String, value: String)] = []
        func add(_ key: String, _ value: String?) { if let value, !value.isEmpty { pairs.append((key, value)) } }
        add("Run in", record["workingDirectory"]?.string)
        add("Began", record["started"]?.string)
        add("Ended", record["ended"]?.string)
        let cost = [
            record["wallSeconds"]?.double.map { "\(ReportNumbers.duration($0)) by the clock" },
            record["processorSeconds"]?.double.map { "\(ReportNumbers.duration($0)) of processor time" },
            record["peakMemoryBytes"]?.double.map { "at most \(ReportNumbers.bytes($0)) of memory" },
        ].compactMap(\.self)
        add("Time and cost", cost.joined(separator: ", "))
        if let scored = record["checkpointsScored"]?.int, let known = record["checkpointsFromCache"]?.int,
            scored + known > 0
        {
            add("Checkpoints", "\(scored) scored, \(known) known from an earlier run")
        }
        let threads = record["threads"]?.int.map { ReportNumbers.counted($0, "thread") }
        add(
            "Machine",
            [record["processor"]?.string, record["instructionSet"]?.string, threads].compactMap(\.self).joined(
                separator: ", "))
        let libraries = (record["libraries"]?.members ?? []).map { "\($0.key) \($0.value.string ?? "?")" }
        add(
            "Versions", ([record["version"]?.string.map { "ripe \($0)" } ?? "ripe"] + libraries).joined(separator: ", ")
        )
        return .object(["line": .text(line), "facts": FineTuningSection.pairs(pairs)])
    }

    /// What was scored on.
    var target: PageValue? {
        guard let target = content.scores?.json["target"], target.members != nil else { return nil }
        var pairs: [(key: String, value: String)] = []
        func add(_ key: String, _ value: String?) { if let value, !value.isEmpty { pairs.append((key, value)) } }
        add("Images", target["path"]?.string)
        let counts = [("images", "image"), ("cases", "case"), ("files", "file")].compactMap { key, noun in
            target[key]?.int.map { ReportNumbers.counted($0, noun) }
        }
        add("Count", counts.joined(separator: ", "))
        let size = (target["imageSize"]?.array ?? []).map { $0.int.map(String.init) ?? "?" }.joined(separator: "×")
        let prepared = [
            size.isEmpty ? nil : "scored at \(size) pixels", target["fit"]?.string.map { "fit: \($0)" },
            target["normalization"]?.string.map { "intensities: \($0)" },
            target["layout"]?.string.map { "layout: \($0)" },
        ].compactMap(\.self)
        add("Preparation", prepared.joined(separator: "; "))
        add("Hash", target["contentHash"]?.string)
        for note in target["notes"]?.array ?? [] { add("Note", note.string) }
        return FineTuningSection.pairs(pairs)
    }

    /// How it was scored.
    var settings: PageValue? {
        guard let settings = content.scores?.json["settings"]?.members else { return nil }
        let pairs = settings.filter { $0.value != .null && $0.value != .array([]) }.map { member in
            (key: member.key, value: member.value.string ?? member.value.text())
        }
        return FineTuningSection.pairs(pairs)
    }

    /// The checkpoints' files and fingerprints.
    var checkpoints: PageValue? {
        guard let scores = content.scores, !scores.checkpoints.isEmpty else { return nil }
        return .list(
            scores.checkpoints.map { checkpoint in
                .object([
                    "label": .text(checkpoint.label), "path": .text(checkpoint.path),
                    "hash": .text(checkpoint.contentHash ?? "–"), "network": .text(checkpoint.architecture ?? "–"),
                ])
            })
    }
}
