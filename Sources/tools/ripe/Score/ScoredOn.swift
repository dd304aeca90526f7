// What a run scores on: the images of a target, or views that were given; and how a report names it.

import Analyzer
import Formats

/// The views of a run, with a fingerprint for the cache and words for the user.
struct ScoredOn {
    let source: any ViewSource
    /// Differs whenever a network would see other pixels.
    let fingerprint: String
    /// Whether each network's usual normalisation is added; never for given views.
    let normalizes: Bool
    /// The `target` of `scores.json`.
    let json: JSON
    /// One line for the user.
    let summary: String
    /// What the user should know of the images.
    let notes: [String]

    /// Opens a target and jitters it.
    init(target choices: TargetChoices, options: ScoringOptions, threads: Int, progress: ProgressLine) throws {
        let opening = try choices.options(threads: threads)
        let target: Target
        do throws(AnalyzerError) {
            target = try Target.open(choices.target, options: opening, isCancelled: { Interrupt.isRequested }) {
                progress.update("reading images", done: $0, total: $1, unit: "files")
            }
        } catch {
            guard case .cancelled = error else { throw error }
            throw ToolError.interrupted("stopped while the images were read; nothing was written")
        }
        progress.clear()
        let preparation = opening.preparation
        let facts = target.summary
        source = try JitteredViews(
            of: target, ranges: options.jitterRanges, scope: options.jitterScope, seed: options.seed,
            draws: options.draws)
        normalizes = true
        let size = "\(preparation.height)×\(preparation.width)"
        let prepared = [
            size, "\(preparation.normalization)", preparation.fit.rawValue, "\(opening.sliceAxis)",
            "\(opening.channels)", opening.split?.rawValue ?? "", "\(opening.dropsEmptySlices)",
            "\(opening.groupsByName)",
        ]
        fingerprint = ([facts.contentHash.hexadecimal] + prepared).joined(separator: " ")
        json = .object([
            "path": .string(facts.place),
            "layout": .string(facts.layout.rawValue),
            "images": .integer(facts.imageCount),
            "cases": .integer(facts.caseCount),
            "files": .integer(facts.fileCount),
            "emptyImages": .integer(facts.emptyCount),
            "keepsEmptyImages": .bool(!opening.dropsEmptySlices),
            // "auto" is train where there is one.
            "split": .string(opening.split?.rawValue ?? "auto"),
            "channel": .integers(opening.channels),
            "channels": .integer(facts.channelCount),
            "imageSize": .integers([preparation.height, preparation.width]),
            "fit": .string(preparation.fit.rawValue),
            "normalization": .string("\(preparation.normalization)"),
            "sliceAxis": .string("\(opening.sliceAxis)"),
            "contentHash": .string(facts.contentHash.hexadecimal),
            "notes": .strings(facts.notes),
        ])
        summary =
            "\(counted(facts.imageCount, "image")) of \(counted(facts.caseCount, "case")) in \(facts.place) "
            + "(\(facts.layout.rawValue)), as \(size), "
            + (options.draws == 1 ? "one random pair of views each" : "\(options.draws) random pairs of views each")
        notes = facts.notes
    }

    /// Takes views that the user hands over.
    init(views paths: [String]) throws {
        try self.init(views: try paths.map { try NumPy.readArray($0) }, place: paths.joined(separator: ", "))
    }

    /// Takes views: one array of 2×N×C×H×W, or two of N×C×H×W.
    ///
    /// - Parameter place: where they come from.
    init(views arrays: [TensorView], place: String) throws {
        let stored: StoredViews
        do throws(AnalyzerError) {
            stored = arrays.count == 2 ? try StoredViews(arrays[0], arrays[1]) : try StoredViews(arrays[0])
        } catch {
            throw ToolError.failure("\(place): \(error)")
        }
        let hash = ContentHash(
            arrays.map { "\($0.dtype) \($0.shape) \(ContentHash($0.bytes).hexadecimal)" }.joined(separator: "\n"))
        let shape = stored.imageShape
        source = stored
        normalizes = false
        fingerprint = "views " + hash.hexadecimal
        json = .object([
            "path": .string(place), "layout": .string("given views"), "images": .integer(stored.imageCount),
            "channels": .integer(shape.channels), "imageSize": .integers([shape.height, shape.width]),
            "contentHash": .string(hash.hexadecimal),
        ])
        summary = "two given views of \(counted(stored.imageCount, "image")), \(shape.height)×\(shape.width)"
        notes = []
    }
}
