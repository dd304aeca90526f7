// Training and validation images: divided by patient or volume, never by slice.

/// A division of labelled images.
public struct DataSplit: Sendable, Hashable, Codable {
    /// Images to train on, ascending.
    public let training: [Int]
    /// Images to validate on, ascending; may be empty when everything is trained on.
    public let validation: [Int]
    /// What could not be had, one sentence each.
    public let notes: [String]

    /// States a division.
    public init(training: [Int], validation: [Int], notes: [String] = []) {
        self.training = training
        self.validation = validation
        self.notes = notes
    }
}

extension SegmentationData {
    /// Holds back a share of the groups for validation.
    ///
    /// At least one group is held back and one is kept. Groups are taken in an order drawn by the seed; first those that
    /// bring a class to validation which is not there yet, and never one that is the last to hold a class, as long as there
    /// is a choice.
    ///
    /// - Parameters:
    ///   - share: of the groups, 0…<1; 0 trains on everything, and the notes say that validation is missing.
    ///   - seed: fixes the order.
    /// - Throws: ``AnalyzerError/option(name:value:expected:)`` for other shares, and for data of a single group.
    public func split(validation share: Double, seed: UInt64) throws(AnalyzerError) -> DataSplit {
        guard share >= 0, share < 1 else {
            throw .option(name: "--validation", value: "\(share)", expected: "a share of the cases, 0 up to below 1")
        }
        guard share > 0 else {
            return DataSplit(
                training: Array(images.indices), validation: [],
                notes: ["there are no validation images: every image is trained on, and no epoch can be told the best"])
        }
        let planner = SplitPlanner(groupContents, seed: seed)
        guard planner.count > 1 else { throw oneGroupError("--validation", "\(share)") }
        let held = planner.held(Int((share * Double(planner.count)).rounded()))
        return division(validation: held)
    }

    /// Divides the groups into parts of nearly equal number; each is held back for validation once.
    ///
    /// Groups are dealt out rarest class first, each to the part that has the fewest with that class, so that a class that
    /// two groups hold is in training in every fold.
    ///
    /// - Throws: ``AnalyzerError/option(name:value:expected:)`` unless there are 2 folds or more, and as many groups.
    public func folds(_ count: Int, seed: UInt64) throws(AnalyzerError) -> [DataSplit] {
        let planner = SplitPlanner(groupContents, seed: seed)
        guard planner.count > 1 else { throw oneGroupError("--folds", "\(count)") }
        guard count >= 2, count <= planner.count else {
            throw .option(
                name: "--folds", value: "\(count)",
                expected: "2 to \(planner.count), the number of cases that can be told apart")
        }
        let parts = planner.dealt(into: count)
        return (0..<count).map { part in division(validation: Set(parts.indices.filter { parts[$0] == part })) }
    }

    private func oneGroupError(_ name: String, _ value: String) -> AnalyzerError {
        .option(
            name: name, value: value,
            expected: "0, because all images are of one case (\(cases.first?.name ?? "none")) and are never divided "
                + "within a case; add cases, or train on everything and give other test data")
    }

    /// Groups in ascending order with the foreground classes they hold.
    private var groupContents: [GroupContent] {
        var contents: [Int: GroupContent] = [:]
        for image in images {
            let classes = (1..<scheme.classCount).filter { image.pixels[$0] > 0 }
            contents[image.group, default: GroupContent(group: image.group, classes: [])].classes.formUnion(classes)
        }
        return contents.values.sorted { $0.group < $1.group }
    }

    /// From positions in ``groupContents`` to images.
    private func division(validation positions: Set<Int>) -> DataSplit {
        let contents = groupContents
        let held = Set(positions.map { contents[$0].group })
        let (kept, tested) = (contents.filter { !held.contains($0.group) }, contents.filter { held.contains($0.group) })
        func names(_ classes: [Int]) -> String { classes.map { "'\(scheme.names[$0])'" }.joined(separator: ", ") }
        let known = (1..<scheme.classCount).filter { label in contents.contains { $0.classes.contains(label) } }
        let untrained = known.filter { label in !kept.contains { $0.classes.contains(label) } }
        let unseen = known.filter { label in !tested.contains { $0.classes.contains(label) } }
        var notes: [String] = []
        if !untrained.isEmpty { notes.append("no training image shows \(names(untrained)): it cannot be learned") }
        if !unseen.isEmpty { notes.append("no validation image shows \(names(unseen)): it is not measured there") }
        return DataSplit(
            training: images.indices.filter { !held.contains(images[$0].group) },
            validation: images.indices.filter { held.contains(images[$0].group) }, notes: notes)
    }
}
