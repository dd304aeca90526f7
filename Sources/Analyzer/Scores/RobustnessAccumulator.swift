// Feature batches in, scores out: every setting asked for from one pass over the views.

public import Engine

/// Adds up the scores of one checkpoint, group by group.
///
/// For each group of the plan and each draw: ``begin(group:draw:)``, then the features of the first view of all members
/// in order, in batches of any size, then those of the second view, then ``endDraw()``. Draws of a group follow each
/// other. It holds the features of one view of one group and, for the contrastive loss, of both; nothing grows with the
/// number of images but the per-image values that were asked for.
///
/// `poolsChannels` is for levels that are token sequences N×L×C in the original network. They are maps here and flat vectors
/// do not differ, but pooled ones do: see ``TokenPooling``.
public struct RobustnessAccumulator {
    /// The settings, in order.
    public let settings: [ScoreSetting]
    /// The groups.
    public let plan: GroupPlan
    private let draws: Int
    private var spaces: [FeatureSpace]
    private let spaceOfSetting: [Int]
    private var totals: [ScoreTotals]
    private var separations: [SeparationTotals]
    private var zeroVectors = 0
    private var constantVectors = 0

    private var layout = GroupLayout.empty
    private var draw = 0
    private var rows = (first: 0, second: 0)
    /// The losses of the current group: setting, then draw, then member.
    private var groupLosses: [[GroupLosses]] = []

    /// Prepares to score one checkpoint.
    ///
    /// - Parameters:
    ///   - keepsImages: the settings whose per-image values are wanted, for the bootstrap between checkpoints.
    ///   - threads: how many threads may add up; it never changes the values.
    public init(
        settings: [ScoreSetting], plan: GroupPlan, draws: Int, spread: ScoreSpread, poolsChannels: Bool,
        keepsImages: Set<ScoreSetting>, threads: Int
    ) {
        self.settings = settings
        self.plan = plan
        self.draws = draws
        var spaces: [FeatureSpace] = []
        spaceOfSetting = settings.map { setting in
            if let index = spaces.firstIndex(where: { $0.level == setting.level && $0.pooling == setting.pooling }) {
                return index
            }
            let same = settings.filter { $0.level == setting.level && $0.pooling == setting.pooling }
            spaces.append(FeatureSpace(same, poolsChannels: poolsChannels, threads: threads))
            return spaces.count - 1
        }
        self.spaces = spaces
        let imageCount = plan.imageCount
        totals = settings.map {
            ScoreTotals(spread: spread, draws: draws, imageCount: imageCount, keepsImages: keepsImages.contains($0))
        }
        separations = spaces.indices.flatMap { index in SeparationTotals.all(of: spaces[index], index: index) }
    }

    /// Starts a draw of a group.
    public mutating func begin(group: Int, draw: Int) {
        layout = plan.layout(ofGroup: group)
        self.draw = draw
        rows = (0, 0)
        if draw == 0 { groupLosses = settings.map { _ in [] } }
        for index in spaces.indices { spaces[index].begin(layout) }
    }

    /// Adds a batch of features of the next members, of view 0 or 1.
    ///
    /// - Throws: ``AnalyzerError/features(level:expected:found:)`` when a level is missing or the batch has another
    ///   number of images than announced.
    public mutating func add(_ features: [LevelFeatures], view: Int, count: Int) throws(AnalyzerError) {
        for index in spaces.indices {
            let level = spaces[index].level
            guard let map = features.first(where: { $0.level == level }) else {
                throw .features(level: level, expected: "a feature map", found: "none")
            }
            guard map.shape.rank == 4, map.shape[0] == count, map.shape.checkedElementCount == map.values.count else {
                throw .features(level: level, expected: "\(count)×C×H×W", found: "\(map.shape)")
            }
            if view == 0 { spaces[index].addFirstView(map) } else { spaces[index].addSecondView(map) }
        }
        if view == 0 { rows.first += count } else { rows.second += count }
    }

    /// Completes a draw, and with the last draw the group.
    ///
    /// - Precondition: both views of every member were added.
    public mutating func endDraw() {
        precondition(
            rows.first == layout.members.count && rows.second == layout.members.count,
            "a draw ends when both views of all members are there")
        for index in spaces.indices {
            spaces[index].end()
            zeroVectors += spaces[index].zeroVectors
            constantVectors += spaces[index].constantVectors
        }
        for index in settings.indices {
            let setting = settings[index]
            guard let table = spaces[spaceOfSetting[index]].tables[setting.distance] else { continue }
            groupLosses[index].append(GroupLosses(setting, table, layout))
        }
        for index in separations.indices { separations[index].add(spaces, layout) }
        if draw == draws - 1 { endGroup() }
    }

    /// The scores, after the last group.
    public func score() -> CheckpointScore {
        CheckpointScore(
            entries: zip(settings, totals).map { $1.entry($0) }, separations: separations.map(\.separation),
            zeroVectors: zeroVectors, constantVectors: constantVectors)
    }

    private mutating func endGroup() {
        for index in settings.indices {
            let all = settings[index].negatives == .all
            for (position, image) in layout.members.enumerated() where !all || !layout.others[position].isEmpty {
                let influence = groupLosses[index].reduce(0) { $0 + $1.influences[position] } / Double(draws)
                totals[index].add(
                    image: image, losses: groupLosses[index].map { $0.losses[position] }, influence: influence)
            }
        }
    }
}

extension FeatureSpace {
    /// The space that serves `settings`, all of one level and pooling.
    fileprivate init(_ settings: [ScoreSetting], poolsChannels: Bool, threads: Int) {
        var needs: DistanceNeeds = []
        for setting in settings {
            switch (setting.loss, setting.negatives) {
            case (.infonce, _): needs.formUnion([.cross, .within])
            case (.hinge, .all): needs.insert(.cross)
            case (.hinge, .paper): needs.insert(.paper)
            }
        }
        self.init(
            level: settings[0].level, pooling: settings[0].pooling,
            distances: Distance.allCases.filter { distance in settings.contains { $0.distance == distance } },
            needs: needs, poolsChannels: poolsChannels, threads: threads)
    }
}
