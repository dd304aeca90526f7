// Predicts whole folders: lists the cases, streams them through the network, writes each as soon as it is done.

import Dispatch
import Formats
import FoundationEssentials
import Synchronization

/// What a prediction writes.
public struct PredictionOptions: Sendable, Hashable {
    /// The folder for everything; made if it is not there.
    public var out: String
    /// Which part of a data set; everything by default.
    public var split = TargetSplit.all
    /// Whether pictures are drawn, into `overlays` in the folder.
    public var drawsOverlays = false
    /// Whether probabilities are written beside the label maps.
    public var keepsProbabilities = false
    /// Whether outputs that exist are replaced.
    public var overwrites = false

    /// Label maps alone.
    public init(out: String) { self.out = out }
}

/// A prediction of all images of a folder, of a data set, or of some files.
public struct PredictionJob: Sendable {
    /// What happens while it runs.
    public enum Event: Sendable {
        /// So many of a case's images are through the network.
        case progress(caseNumber: Int, name: String, done: Int, total: Int)
        /// Something the user should know, one sentence.
        case note(String)
        /// A case cannot be predicted; the others go on.
        case failed(PredictionReport.Failure)
    }

    /// How many cases there are.
    public var caseCount: Int { listing.cases.count }
    /// What the user should know of the files, one sentence each.
    public var notes: [String] { listing.notes }
    private let listing: PredictionListing
    private let options: PredictionOptions
    private let targetOptions: TargetOptions
    private let values: ClassValues
    private let card: PredictionCardFacts

    /// Lists the images and finds out whether the results can be written, before any work.
    ///
    /// - Parameters:
    ///   - paths: one folder, data set or file, or several files.
    ///   - predictor: the network that will be used.
    /// - Throws: ``AnalyzerError/format(_:)`` for what is missing, empty, in the way or not writable.
    public init(_ paths: [String], _ predictor: Predictor, options: PredictionOptions) throws(AnalyzerError) {
        var targetOptions = predictor.preparation.targetOptions(threads: predictor.threads)
        targetOptions.split = options.split
        listing = try PredictionListing(paths, options: targetOptions)
        self.options = options
        self.targetOptions = targetOptions
        values = ClassValues(predictor.card.classValues)
        card = PredictionCardFacts(names: predictor.card.classNames, channels: predictor.logitChannels)
        do throws(FormatError) {
            let places = OutputPlaces(
                folder: options.out, overwrites: options.overwrites, inputs: listing.cases.flatMap(\.images))
            for index in listing.cases.indices {
                let output = self.output(index)
                if output.hasSuffix(".png") { try values.checkPNG(output) }
                try places.check(output)
                if options.keepsProbabilities { try places.check(probabilities(index)) }
            }
            try places.makeFolder()
            if options.drawsOverlays { try OutputPlaces(folder: options.out + "/overlays").makeFolder() }
        } catch { throw .format(error) }
    }

    private func output(_ index: Int) -> String {
        "\(options.out)/\(listing.names[index])" + PlacedClasses.ending(of: listing.cases[index])
    }

    private func probabilities(_ index: Int) -> String {
        "\(options.out)/\(listing.names[index])" + PlacedClasses.probabilityEnding(of: listing.cases[index])
    }

    /// Predicts and writes everything. What is finished when it stops early stays.
    ///
    /// - Throws: ``AnalyzerError/cancelled``, and what running the network and writing throw. Cases that cannot be read
    ///   are left out and told in the report.
    public func run(
        _ predictor: Predictor, isCancelled: @escaping () -> Bool = { false },
        onEvent: @escaping (Event) -> Void = { _ in }
    ) throws(AnalyzerError) -> PredictionReport {
        let start = ContinuousClock.now
        let receiver = PredictionReceiver(
            self, channels: options.keepsProbabilities ? predictor.logitChannels : 0, onEvent: onEvent)
        let (cases, options) = (listing.cases, targetOptions)
        let feed = CaseFeed(count: cases.count, imagesAhead: predictor.batchSize) { (index) throws(AnalyzerError) in
            try OpenedCase(cases[index], options: options)
        }
        var stream = ImageStream(
            predictor, options: options, wantsProbabilities: self.options.keepsProbabilities, receiver: receiver,
            isCancelled: isCancelled, progress: { _ in })
        do throws(AnalyzerError) { try stream.run(feed) } catch {
            try? receiver.writer.finish()
            throw error
        }
        try receiver.writer.finish()
        var report = PredictionReport(
            classNames: card.names, classValues: values.values, notes: listing.notes + predictor.notes + receiver.notes)
        report.cases = receiver.predicted
        report.failures = receiver.failures
        report.seconds = (ContinuousClock.now - start).inSeconds
        return report
    }

    /// Writes a finished case.
    fileprivate func write(_ placed: PlacedClasses, _ index: Int) throws(AnalyzerError) -> PredictedCase {
        let path = output(index)
        let count = placed.opened.content.imageCount
        var overlays: [String] = []
        do throws(FormatError) {
            try placed.writeLabels(to: path, values: values)
            if options.keepsProbabilities {
                try placed.writeProbabilities(to: probabilities(index), channels: card.channels)
            }
        } catch { throw .format(error) }
        if options.drawsOverlays {
            for image in placed.overlayImages() {
                let digits = String(count - 1).count
                let number = String(image)
                let mark = count == 1 ? "" : "_s" + String(repeating: "0", count: digits - number.count) + number
                let place = "\(options.out)/overlays/\(listing.names[index])\(mark).png"
                let picture = try placed.overlay(image, options: targetOptions)
                do throws(FormatError) { try picture.write(to: place) } catch { throw .format(error) }
                overlays.append(place)
            }
        }
        let spacing = placed.opened.spacing
        return PredictedCase(
            name: name(index), output: path,
            probabilities: options.keepsProbabilities ? probabilities(index) : nil, overlays: overlays,
            isVolume: spacing != nil, imageCount: count, counts: placed.counts(classCount: values.values.count),
            voxelVolume: spacing.map { $0[0] * $0[1] * $0[2] })
    }

    /// A case is called as its files are.
    fileprivate func name(_ index: Int) -> String { listing.names[index] }
}

/// What a job needs to know of the model.
private struct PredictionCardFacts: Sendable {
    let names: [String]
    let channels: Int
}

/// Gathers the classes of each case and has it written when it is whole.
private final class PredictionReceiver: ClassReceiver {
    let writer = BackgroundWriter()
    private let job: PredictionJob
    private let channels: Int
    private let onEvent: (PredictionJob.Event) -> Void
    private var current: PlacedClasses?
    private let finished = Finished()
    private(set) var failures: [PredictionReport.Failure] = []
    private(set) var notes: [String] = []

    /// Filled by the writer's thread.
    private final class Finished: Sendable {
        let cases = Mutex<[PredictedCase]>([])
    }

    init(_ job: PredictionJob, channels: Int, onEvent: @escaping (PredictionJob.Event) -> Void) {
        self.job = job
        self.channels = channels
        self.onEvent = onEvent
    }

    var predicted: [PredictedCase] { finished.cases.withLock { $0 } }

    func receive(_ run: ClassifiedRun) throws(AnalyzerError) {
        var placed = current ?? PlacedClasses(run.opened, channels: channels)
        // Taken out while it grows, so that it is not copied.
        current = nil
        placed.place(run)
        current = placed
        onEvent(
            .progress(
                caseNumber: run.caseNumber, name: job.name(run.caseNumber), done: run.images.upperBound,
                total: run.opened.content.imageCount))
    }

    func end(_ caseNumber: Int, _ opened: OpenedCase) throws(AnalyzerError) {
        guard let placed = current else { return }
        current = nil
        if let volume = opened.volume, volume.frameCount > 1, opened.channelCount == 1, opened.listed.frame == nil {
            note("\(job.name(caseNumber)): of the \(volume.frameCount) frames of its fourth axis one is segmented")
        }
        let (job, finished) = (job, finished)
        try writer.add { () throws(AnalyzerError) in
            let predicted = try job.write(placed, caseNumber)
            finished.cases.withLock { $0.append(predicted) }
        }
    }

    private func note(_ text: String) {
        notes.append(text)
        onEvent(.note(text))
    }

    func fail(_ caseNumber: Int, _ error: AnalyzerError) throws(AnalyzerError) {
        if case .cancelled = error { throw error }
        if case .engine = error { throw error }
        current = nil
        let failure = PredictionReport.Failure(name: job.name(caseNumber), reason: error.description)
        failures.append(failure)
        onEvent(.failed(failure))
    }
}
