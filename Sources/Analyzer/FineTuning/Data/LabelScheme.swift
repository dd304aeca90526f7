// Which classes a segmentation has, and which values of the label files stand for them.

/// The classes of a segmentation task.
///
/// A class index (0 for the background, then the order of ``names``) is what networks and losses see; a value is what the
/// label files hold. PNG masks of 0 and 255 are two classes with values 0 and 255.
public struct LabelScheme: Sendable, Hashable {
    /// One name a class, the background first.
    public let names: [String]
    /// The value of each class in label files, in the same order.
    public let values: [Int32]
    /// The value of pixels that take part in neither loss nor measures, if there is one.
    public let ignoreValue: Int32?

    /// The index of ignored pixels in ``SegmentationData/labels(_:)``.
    public static let ignoredIndex: UInt8 = 255
    /// Most classes that fit beside ``ignoredIndex``.
    public static let largestClassCount = 255

    /// Names the classes, the background first.
    ///
    /// - Throws: ``AnalyzerError/option(name:value:expected:)`` unless there are 2…255 classes with different names and
    ///   values, none of them the ignored one.
    public init(names: [String], values: [Int32], ignoreValue: Int32? = nil) throws(AnalyzerError) {
        func refuse(_ expected: String) -> AnalyzerError {
            let classes = zip(names, values).map { "\($0)=\($1)" } + (ignoreValue.map { ["ignore=\($0)"] } ?? [])
            return .option(name: "--classes", value: classes.joined(separator: ","), expected: expected)
        }
        guard names.count == values.count, names.count >= 2 else {
            throw refuse("at least two classes, the background first, such as background=0,lesion=1")
        }
        guard names.count <= Self.largestClassCount else { throw refuse("at most \(Self.largestClassCount) classes") }
        guard names.allSatisfy({ !$0.isEmpty }), Set(names).count == names.count else {
            throw refuse("a name of its own for every class")
        }
        guard Set(values).count == values.count else { throw refuse("a value of its own for every class") }
        if let ignoreValue, values.contains(ignoreValue) {
            throw refuse("an ignored value that is no class's")
        }
        self.names = names
        self.values = values
        self.ignoreValue = ignoreValue
    }

    /// How many classes there are, the background included.
    public var classCount: Int { names.count }

    /// The class that a value of a label file stands for, ``ignoredIndex`` for ignored pixels; nil for other values.
    public func index(of value: Int32) -> UInt8? {
        if value == ignoreValue { return Self.ignoredIndex }
        return values.firstIndex(of: value).map { UInt8($0) }
    }
}

extension LabelScheme: CustomStringConvertible {
    /// Reads `NAME=VALUE` pairs, the background first; the name `ignore` stands for ignored pixels.
    ///
    /// Example: `background=0,brain=1,deep_grey=2,ignore=255`.
    ///
    /// - Throws: ``AnalyzerError/option(name:value:expected:)``.
    public init(parsing text: String) throws(AnalyzerError) {
        var (names, values, ignored) = ([String](), [Int32](), Int32?.none)
        for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let equals = entry.lastIndex(of: "="), equals > entry.startIndex,
                let value = Int32(entry[entry.index(after: equals)...].filter { $0 != " " })
            else {
                throw .option(
                    name: "--classes", value: text,
                    expected: "name=value pairs, the background first, such as background=0,lesion=255,ignore=128")
            }
            let name = entry[..<equals].trimmingBlanks
            if name == "ignore", ignored == nil {
                ignored = value
            } else {
                names.append(name)
                values.append(value)
            }
        }
        try self.init(names: names, values: values, ignoreValue: ignored)
    }

    /// As ``init(parsing:)`` reads it.
    public var description: String {
        let classes = zip(names, values).map { "\($0)=\($1)" }
        return (classes + (ignoreValue.map { ["ignore=\($0)"] } ?? [])).joined(separator: ",")
    }
}

extension LabelScheme: Codable {
    private enum CodingKeys: String, CodingKey { case names, values, ignoreValue }

    /// Reads what was encoded, and checks it as ``init(names:values:ignoreValue:)`` does.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            names: container.decode([String].self, forKey: .names),
            values: container.decode([Int32].self, forKey: .values),
            ignoreValue: container.decodeIfPresent(Int32.self, forKey: .ignoreValue))
    }
}

extension Substring {
    /// Without blanks at either end.
    var trimmingBlanks: String {
        var rest = self
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
