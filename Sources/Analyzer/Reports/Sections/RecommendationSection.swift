// The head of the page: what to do, how sure that is, and how to go on; then the rules and the checkpoints side by side.

import Formats

/// The choice in words.
struct RecommendationSection {
    let scores: ReportedScores
    /// The model that was fine-tuned, if any.
    let model: String?

    /// The sentence, its first clause apart.
    var headline: (head: String, rest: String?) {
        let sentence = scores.sentence
        guard let colon = sentence.firstRange(of: ": ") else {
            return (sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence, nil)
        }
        let rest = sentence[colon.upperBound...]
        return (String(sentence[..<colon.lowerBound]), rest.prefix(1).uppercased() + rest.dropFirst())
    }

    /// How sure it is: a few words, and sentences.
    var certainty: (verdict: String, text: String) {
        let confidence = ReportNumbers.fixed(scores.confidence * 100, 0) + " % confidence"
        let count = scores.considered.count
        guard let pick = scores.pick, let standing = scores.checkpoints[pick].standing else {
            return ("No choice", "Nothing could be compared.")
        }
        guard count > 1 else { return ("Nothing to compare", "Only one checkpoint could be chosen.") }
        let among = "among \(count) checkpoints"
        if scores.tied.count == count {
            return (
                "The scores cannot tell",
                "All \(count) checkpoints lie within the noise of each other (\(confidence), \(among)). "
                    + "Taking this one is a default, not a finding."
            )
        }
        let others = scores.tied.filter { $0 != pick }.map { scores.checkpoints[$0].label }
        let tie =
            others.isEmpty
            ? "No other checkpoint comes near."
            : standing.isTied
                ? "Between it and \(Self.short(others)), these images do not decide."
                : "Lowest, by these images: \(Self.short(others))."
        if standing.beatsLast {
            return (
                "By this score, better than the last checkpoint",
                "The difference is larger than the noise of the images, allowing for a choice \(among) (\(confidence)). \(tie)"
            )
        }
        if pick == scores.last {
            let isLowest = scores.pick(of: .best) == pick
            return (
                isLowest ? "The last one also scores lowest" : "No earlier one is better beyond the noise",
                "Tested \(among) at \(confidence). \(tie)"
            )
        }
        return (
            "Not shown to be better than the last checkpoint",
            "The rule “\(scores.rule)” does not ask for that. Tested \(among) at \(confidence). \(tie)"
        )
    }

    private static func short(_ labels: [String]) -> String {
        labels.count <= 5
            ? ReportNumbers.list(labels)
            : "\(ReportNumbers.list(Array(labels.prefix(4)) + ["\(labels.count - 4) others"]))"
    }

    /// What such a score is worth, said on every report.
    var caveat: String {
        let images = scores.json["target"]?["images"]?.int.map { ReportNumbers.counted($0, "image") } ?? "these images"
        return
            "All this is about the score on \(images) alone, resampled \(scores.resamplings) times. A lower score is a hint "
            + "at better segmentation, not a promise: on the tables that the method’s authors published, taking the last "
            + "checkpoint did better on average than every setting of the score."
    }

    /// A command line to go on with.
    var command: (title: String, text: String)? {
        if let model {
            return ("Segment images with the result", "ripe predict \(Self.quotedPath(model)) IMAGES --out masks")
        }
        guard let pick = scores.pick else { return nil }
        let target = scores.json["target"]
        // A target of several places is named by all of them, which is no path.
        let place = target?["layout"]?.string == "given views" ? nil : target?["path"]?.string
        let images = place.flatMap { $0.contains(", ") ? nil : Self.quotedPath($0) } ?? "IMAGES"
        return (
            "Fine-tune it on images with masks",
            "ripe finetune \(Self.quotedPath(scores.checkpoints[pick].path)) --target \(images) --out finetuned"
        )
    }

    /// A path for a shell, which no command takes for an option.
    static func quotedPath(_ path: String) -> String { quoted(path.hasPrefix("-") ? "./" + path : path) }

    /// A word for a shell.
    static func quoted(_ word: String) -> String {
        let isPlain = word.unicodeScalars.allSatisfy {
            $0.isASCII
                && ($0.properties.isAlphabetic || $0.properties.numericType != nil
                    || "/._-=+:@%,".unicodeScalars.contains($0))
        }
        guard !isPlain || word.isEmpty else { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    // MARK: Page

    /// The head of the page.
    var page: PageValue {
        let (head, rest) = headline
        let (verdict, text) = certainty
        return .object([
            "head": .text(head), "rest": rest.map { .text($0) }, "verdict": .text(verdict), "certainty": .text(text),
            "caveat": .text(caveat), "path": scores.pick.map { .text(scores.checkpoints[$0].path) },
            "command": command.map { .object(["title": .text($0.title), "text": .text($0.text)]) },
            "serious": seriousText.map { .text($0) },
        ])
    }

    private var seriousText: String? {
        let count = scores.warnings.filter(\.isSerious).count
        guard count > 0 else { return nil }
        return count == 1 ? "There is a serious warning" : "There are \(count) serious warnings"
    }

    /// The rules and the trivial choices.
    var rules: PageValue {
        func row(_ name: String, _ meaning: String, _ checkpoint: Int?, isUsed: Bool) -> PageValue {
            .object([
                "name": .text(name), "meaning": .text(meaning),
                "pick": .text(checkpoint.map { scores.checkpoints[$0].label } ?? "–"), "isUsed": .flag(isUsed),
            ])
        }
        let meanings: [(PickRule, String)] = [
            (.guarded, "the last, unless an earlier one beats it by more than the noise; then the best of those"),
            (.best, "the lowest score, noise or not (the paper's rule)"),
            (.earliest, "the earliest that cannot be told from the lowest: the least pretraining"),
        ]
        return .list(
            meanings.map { rule, meaning in
                row("Rule “\(rule.rawValue)”", meaning, scores.pick(of: rule), isUsed: scores.rule == rule.rawValue)
            } + [row("Without a score", "the last checkpoint: the trivial choice to beat", scores.last, isUsed: false)])
    }

    /// How the score goes along with training time.
    var order: String? {
        scores.orderCorrelation.map {
            "Rank correlation of the score with the order of pretraining: \(ReportNumbers.fixed($0, 2)) "
                + "(−1: the later the lower, always; 0: unrelated; +1: the later the higher)."
        }
    }

    /// All checkpoints with the scores that decide.
    var table: PageValue {
        let deciding = scores.decidedBy
        let header =
            ["Checkpoint"] + deciding.map { "Level \($0.level) ± error" }
            + [deciding.count > 1 ? "Mean rank" : "Score", "Below the last in", "Lowest in", "Standing"]
        let rows = scores.checkpoints.indices.map { index in
            let checkpoint = scores.checkpoints[index]
            let standing = checkpoint.standing
            let values = deciding.map { setting in
                let score = checkpoint.scores[setting]
                return "\(ReportNumbers.fixed(score?.value, 4)) ± \(ReportNumbers.fixed(score?.standardError, 4))"
            }
            let shares = [
                ReportNumbers.fixed(standing?.combined, deciding.count > 1 ? 1 : 4),
                index == scores.last ? "–" : ReportNumbers.percent(standing?.betterThanLast),
                ReportNumbers.percent(standing?.first),
            ]
            return PageValue.object([
                "name": .text(checkpoint.label), "title": .text(checkpoint.name),
                "cells": .texts(values + shares), "standing": .text(standingText(index)),
                "isPick": .flag(index == scores.pick),
            ])
        }
        return .object(["header": .texts(header), "rows": .list(rows)])
    }

    private func standingText(_ index: Int) -> String {
        let checkpoint = scores.checkpoints[index]
        guard let standing = checkpoint.standing else {
            return "not considered: " + (checkpoint.notConsidered ?? "no score")
        }
        var words: [String] = []
        if index == scores.pick { words.append("◆ recommended") }
        if index == scores.last { words.append("the last") }
        if index == scores.pick(of: .best) { return (words + ["the lowest"]).joined(separator: ", ") }
        words.append(standing.isTied ? "tied with the lowest" : "worse than the lowest")
        return words.joined(separator: ", ")
    }
}
