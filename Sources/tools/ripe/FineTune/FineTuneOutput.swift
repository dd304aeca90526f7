// What a person sees of a fine-tuning: what is about to happen, a line an epoch with a live curve, what came out.

import Analyzer
import Formats
import Glibc

/// Shows a fine-tuning. Lines that stay go to standard output, or nowhere with `--json`; what moves goes to standard error.
final class FineTuneOutput {
    let progress: ProgressLine
    let isSilent: Bool
    private let terminal = Terminal.output
    private let errors = Terminal.errors
    /// Lines of the curve on the screen below the last epoch's.
    private var curveHeight = 0
    private var start = ContinuousClock.now
    private var trainedEpochs = 0

    init(progress: ProgressLine, isSilent: Bool) {
        self.progress = progress
        self.isSilent = isSilent
    }

    /// Writes lines that stay.
    func say(_ lines: [String]) throws {
        progress.clear()
        clearCurve()
        if !isSilent { try Console.write(lines) }
    }

    /// Writes a heading and what belongs to it.
    func say(_ heading: String, _ lines: [String]) throws { try say(["", terminal.styled(heading, .bold)] + lines) }

    /// Lines of a table.
    func lines(_ table: TextTable) -> [String] { table.lines(for: terminal, indent: 2) }

    /// A remark that a user should not miss.
    func warn(_ text: String) throws {
        let lines = wrapped(printable(text), to: min(terminal.width, 110) - 4)
        try say(
            lines.enumerated().map { index, line in
                (index == 0 ? "  ! " : "    ") + terminal.styled(line, .yellow)
            })
    }

    // MARK: Epochs

    /// Begins to show epochs.
    func beginEpochs() {
        start = .now
        trainedEpochs = 0
        isHeaderShown = false
        progress.restart()
    }

    private var isHeaderShown = false

    /// Shows how far an epoch is.
    func show(_ batch: FineTuneRun.BatchProgress, epochs: Int) {
        progress.update(
            "epoch \(batch.epoch)/\(epochs)  loss \(fixed(batch.loss, 4))", done: batch.batch, total: batch.batches,
            unit: "batches")
    }

    /// Shows a finished epoch, and the curve where somebody watches.
    func show(_ history: TrainingHistory, epochs: Int, isBest: Bool) throws {
        guard let record = history.epochs.last else { return }
        trainedEpochs += 1
        let elapsed = (ContinuousClock.now - start).inSeconds
        let left = elapsed / Double(trainedEpochs) * Double(epochs - record.epoch)
        let hasValidation = record.validationDice != nil
        func dice(_ value: Double?) -> String { value.map { fixed($0, 4) } ?? "–" }
        func padded(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        var cells = [("epoch", 7, "\(record.epoch)/\(epochs)"), ("loss", 8, fixed(record.loss, 4))]
        cells.append(("Dice", 8, dice(record.meanTrainingDice)))
        if hasValidation { cells.append(("validation", 12, dice(record.meanValidationDice))) }
        cells.append(("rate", 10, significant(record.learningRate, 3)))
        cells.append(("images/s", 10, significant(record.imagesPerSecond, 3)))
        cells.append(("waiting", 9, fixed(100 * record.waitingShare, 1) + " %"))
        cells.append(("left", 14, record.epoch < epochs ? duration(seconds: left) : "–"))
        var lines: [String] = []
        if !isHeaderShown {
            lines.append("  " + terminal.styled(cells.map { padded($0.0, $0.1) }.joined(), .bold))
            isHeaderShown = true
        }
        let mark = isBest ? "  " + terminal.styled("◆ best so far", .green) : ""
        lines.append("  " + cells.map { padded($0.2, $0.1) }.joined() + mark)
        try say(lines)
        progress.restart()
        drawCurve(history, isOfValidation: hasValidation)
    }

    private func drawCurve(_ history: TrainingHistory, isOfValidation: Bool) {
        guard errors.isInteractive, terminal.isInteractive, !isSilent else { return }
        let lines = curve(history, isOfValidation: isOfValidation, height: 7).lines(for: errors, indent: 2)
        guard !lines.isEmpty else { return }
        Console.noteRaw((lines + [""]).joined(separator: "\n"))
        curveHeight = lines.count
    }

    /// Takes the curve off the screen; the cursor stands on the line behind it.
    func clearCurve() {
        guard curveHeight > 0 else { return }
        Console.noteRaw("\r\u{1B}[\(curveHeight)A\u{1B}[J")
        curveHeight = 0
    }

    /// Dice over the epochs.
    func curve(_ history: TrainingHistory, isOfValidation: Bool, height: Int) -> TextPlot {
        let values = history.epochs.map { isOfValidation ? $0.meanValidationDice : $0.meanTrainingDice }
        let best = isOfValidation ? values.compactMap(\.self).max() : nil
        var isMarked = false
        var points: [PlotPoint] = []
        for (record, value) in zip(history.epochs, values) {
            guard let value else { continue }
            let isPick = !isMarked && value == best
            isMarked = isMarked || isPick
            points.append(PlotPoint(label: "\(record.epoch)", value: value, error: 0, isPick: isPick))
        }
        var plot = TextPlot(
            points: points, axisTitle: isOfValidation ? "epoch, validation Dice" : "epoch, training Dice")
        plot.height = height
        return plot
    }
}
