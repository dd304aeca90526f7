// What each epoch of a fine-tuning gave, and the table of all of them: history.csv.

import Formats

/// One finished epoch.
public struct EpochRecord: Sendable, Hashable, Codable {
    /// Finished epochs, 1 after the first.
    public var epoch: Int
    /// Optimizer steps taken since the beginning.
    public var step: Int
    /// The mean loss over the epoch's batches.
    public var loss: Double
    /// The mean of each of its terms, in their order.
    public var terms: [Double]
    /// Dice of each foreground class over all augmented training images, as the network saw them while it learned; nil
    /// for a class that neither masks nor predictions held.
    public var trainingDice: [Double?]
    /// The same over the validation images after the epoch; nil without validation images.
    public var validationDice: [Double?]?
    /// The learning rate at the epoch's last step.
    public var learningRate: Double
    /// The largest norm of the gradients before clipping.
    public var gradientNorm: Double
    /// Seconds spent on the epoch's batches.
    public var seconds: Double
    /// Images that were trained on in these seconds.
    public var images: Int
    /// The share of the seconds in which the network waited for images.
    public var waitingShare: Double

    /// The mean over the classes for which Dice is defined; nil for none.
    public static func mean(_ dice: [Double?]) -> Double? {
        let known = dice.compactMap(\.self)
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }

    /// The mean training Dice.
    public var meanTrainingDice: Double? { Self.mean(trainingDice) }
    /// The mean validation Dice; nil without validation images.
    public var meanValidationDice: Double? { validationDice.flatMap(Self.mean) }
    /// Training images a second.
    public var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }
}

/// All epochs of a run, with the names that the table needs.
public struct TrainingHistory: Sendable, Hashable {
    /// The epochs in order.
    public var epochs: [EpochRecord]
    /// The loss's terms.
    public let terms: [String]
    /// The foreground classes.
    public let classes: [String]

    /// Names the columns.
    public init(epochs: [EpochRecord] = [], terms: [String], classes: [String]) {
        self.epochs = epochs
        self.terms = terms
        self.classes = classes
    }

    /// The table as CSV with a header; undefined values are empty.
    public var csv: String {
        let header =
            ["epoch", "step", "loss"] + terms.map { "loss_\($0)" } + ["trainDice"] + classes.map { "trainDice_\($0)" }
            + ["validationDice"] + classes.map { "validationDice_\($0)" }
            + ["learningRate", "gradientNorm", "seconds", "imagesPerSecond", "waitingShare"]
        let rows = epochs.map { record in
            let validation = record.validationDice ?? classes.map { _ in nil }
            var cells = ["\(record.epoch)", "\(record.step)", "\(record.loss)"] + record.terms.map { "\($0)" }
            cells += [Self.cell(record.meanTrainingDice)] + record.trainingDice.map(Self.cell)
            cells += [Self.cell(record.meanValidationDice)] + validation.map(Self.cell)
            cells += ["\(record.learningRate)", "\(record.gradientNorm)"]
            return cells + ["\(record.seconds)", "\(record.imagesPerSecond)", "\(record.waitingShare)"]
        }
        return ([header.map(CSV.field)] + rows).map { $0.joined(separator: ",") }.joined(separator: "\n") + "\n"
    }

    private static func cell(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
}
