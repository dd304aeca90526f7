// Which images are scored together: the paper's pairs, packed into fixed groups by a seed.

/// How a list of images is cut into groups, and what each image may be compared with.
///
/// The images are first paired as the paper pairs them: 0 with 1, and j with n+1−j. The pairs are then permuted by the
/// seed and packed into groups of nearly equal size, at most `groupSize` images each. So both kinds of negatives come
/// out of the same pass, groups mix the cases, and neither batches nor threads nor machines can change a score: the
/// group is the unit of work.
public struct GroupPlan: Sendable, Hashable {
    /// The images of each group; the paper's pairs are neighbours.
    public let groups: [[Int]]
    /// The case (volume, patient) of each image; nil where nothing is known or all images are of one case, so that
    /// nothing can be left out of the negatives.
    public let cases: [Int]?
    /// Whether all images belong to one known case.
    public let isSingleCase: Bool

    /// Plans the groups of `imageCount` images.
    ///
    /// - Parameters:
    ///   - cases: the case of each image, if known; images of one case are never each other's negatives under
    ///     ``Negatives/all``.
    ///   - groupSize: the largest group, rounded up to an even number, at least 2; one group of an odd list may hold
    ///     one image more.
    /// - Throws: ``AnalyzerError/tooFewImages(source:found:)`` for fewer than two images.
    public init(imageCount: Int, cases: [Int]?, groupSize: Int = 32, seed: UInt64) throws(AnalyzerError) {
        guard imageCount >= 2 else { throw .tooFewImages(source: "target", found: imageCount) }
        let known = cases.flatMap { $0.count == imageCount ? $0 : nil }
        isSingleCase = known.map { Set($0).count == 1 } ?? false
        self.cases = isSingleCase ? nil : known
        let pairs = Self.pairs(imageCount: imageCount)
        var generator = CounterGenerator(seed: seed, purpose: .grouping, place: UInt64(imageCount))
        let order = generator.permutation(of: pairs.count)
        let pairsPerGroup = max(1, (groupSize + 1) / 2)
        let count = (pairs.count + pairsPerGroup - 1) / pairsPerGroup
        groups = (0..<count).map { group in
            (group * pairs.count / count..<(group + 1) * pairs.count / count).flatMap { pairs[order[$0]] }
        }
    }

    /// The number of images.
    public var imageCount: Int { groups.reduce(0) { $0 + $1.count } }

    /// The paper's negative of image `index` among `count`.
    ///
    /// 0 ↔ 1 and j ↔ count+1−j: an involution, without fixed points for even counts; for odd counts the image
    /// (count+1)/2 is its own negative.
    public static func paperNegative(of index: Int, count: Int) -> Int {
        index < 2 ? 1 - index : count + 1 - index
    }

    /// The paper's pairs in order; the self-matched image of an odd list joins the last pair, so that it is never alone.
    static func pairs(imageCount: Int) -> [[Int]] {
        var pairs: [[Int]] = []
        for index in 0..<imageCount {
            let negative = paperNegative(of: index, count: imageCount)
            if index < negative { pairs.append([index, negative]) }
            if index == negative { pairs[pairs.count - 1].append(index) }
        }
        return pairs
    }

    /// The image that is its own negative under the paper's pairing, if the number of images is odd.
    public var selfMatchedImage: Int? {
        let count = imageCount
        return count.isMultiple(of: 2) ? nil : (count + 1) / 2
    }

    /// Whether two different images may be each other's negatives under ``Negatives/all``.
    func mayCompare(_ first: Int, _ second: Int) -> Bool {
        first != second && (cases.map { $0[first] != $0[second] } ?? true)
    }

    /// The images that have no negative in their group, because all others there are of the same case.
    public var imagesWithoutNegatives: [Int] {
        groups.flatMap { group in group.filter { image in !group.contains { mayCompare(image, $0) } } }.sorted()
    }

    /// The positions in a group, with what losses need to know of them.
    func layout(ofGroup group: Int) -> GroupLayout { GroupLayout(members: groups[group], plan: self) }
}

/// One group: who is whose negative, by position in the group.
struct GroupLayout {
    let members: [Int]
    /// The position of each member's paper negative.
    let partners: [Int]
    /// For each member the positions it is compared with under ``Negatives/all``.
    let others: [[Int]]

    init(members: [Int], plan: GroupPlan) {
        self.members = members
        let count = plan.imageCount
        partners = members.map { image in
            members.firstIndex(of: GroupPlan.paperNegative(of: image, count: count)) ?? 0
        }
        others = members.map { image in members.indices.filter { plan.mayCompare(image, members[$0]) } }
    }
}
