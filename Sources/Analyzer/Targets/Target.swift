// A target: the user's images as a list of slices, decoded and prepared when they are asked for.

public import Formats

/// One image of a target.
public struct TargetSample: Sendable, Hashable {
    /// The case it is from, as the data set names it.
    public let caseName: String
    /// The slice within a volume, counted from the right, rear or bottom, or the image within an array; nil for files of
    /// one image.
    public let slice: Int?
    /// The number of the group (volume or patient) that it shares with its neighbours.
    public let group: Int
    /// Which case, and which image of it.
    let caseNumber: Int
    let imageNumber: Int

    /// What names the image in every run and on every machine: the case and the slice.
    public var identity: String { slice.map { "\(caseName)/\($0)" } ?? caseName }
}

/// The user's images, ready to be scored on: `JitteredViews(of: target, …)`.
///
/// Opening reads every file once, to find sizes, intensities, empty slices and the content hash; pixels are decoded again
/// when they are asked for, one case at a time, so memory does not grow with the data set.
public struct Target: ImageSource {
    /// The images in natural order of their cases, slices in order of space.
    public let samples: [TargetSample]
    /// What the target is made of.
    public let summary: TargetSummary
    /// How it was opened.
    public let options: TargetOptions
    let listing: TargetListing
    let index: [CaseIndex]
    private let cache: TargetCache

    /// Opens a folder, a file or several files.
    ///
    /// - Parameters:
    ///   - paths: one folder in a layout of ``TargetLayout``, or files.
    ///   - isCancelled: asked before every case, from any thread.
    ///   - progress: called with cases read so far and in all, from any thread.
    /// - Throws: ``AnalyzerError/format(_:)`` for what is missing, unreadable, empty or ambiguous;
    ///   ``AnalyzerError/option(name:value:expected:)`` for options that mean nothing here;
    ///   ``AnalyzerError/cancelled``.
    public static func open(
        _ paths: [String], options: TargetOptions = TargetOptions(),
        isCancelled: @escaping @Sendable () -> Bool = { false },
        progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) throws(AnalyzerError) -> Target {
        try check(options)
        let listing = try TargetListing(paths, options: options)
        let index = try readCases(
            listing.cases, options: options, isCancelled: isCancelled, progress: progress)
        return try Target(listing: listing, index: index, options: options)
    }

    private init(listing: TargetListing, index: [CaseIndex], options: TargetOptions) throws(AnalyzerError) {
        let groups = Self.groups(listing, index: index, options: options)
        var samples: [TargetSample] = []
        for (number, entry) in index.enumerated() {
            for (position, image) in entry.images.enumerated() {
                let isSingle = entry.volume == nil && entry.images.count + entry.droppedCount == 1
                samples.append(
                    TargetSample(
                        caseName: listing.cases[number].name, slice: isSingle ? nil : image,
                        group: groups[number][position], caseNumber: number, imageNumber: image))
            }
        }
        guard !samples.isEmpty else {
            throw .format(
                FormatError(
                    listing.place,
                    .unrecognized(
                        found: "every image is empty (\(index.reduce(0) { $0 + $1.droppedCount }))",
                        advice: "--keep-empty takes them if they are meant")))
        }
        self.samples = samples
        self.listing = listing
        self.index = index
        self.options = options
        summary = TargetSummary(listing: listing, index: index, samples: samples, options: options)
        cache = TargetCache(caseLimit: 2, byteLimit: options.cacheBytes)
    }

    private static func check(_ options: TargetOptions) throws(AnalyzerError) {
        let channels = options.channels.map { "\($0)" }.joined(separator: ",")
        guard [1, 3].contains(options.channels.count), options.channels.allSatisfy({ $0 >= 0 }) else {
            throw .option(name: "--channel", value: channels, expected: "one channel or three, counted from 0")
        }
        let size = (options.preparation.height, options.preparation.width)
        guard 1...8192 ~= size.0, 1...8192 ~= size.1 else {
            throw .option(name: "--image-size", value: "\(size.0)×\(size.1)", expected: "sides of 1 to 8192 pixels")
        }
    }

    // MARK: ImageSource

    /// How many images there are.
    public var imageCount: Int { samples.count }
    /// Their prepared size; one channel unless any image has colours or three channels were chosen.
    public var imageShape: ImageShape {
        ImageShape(
            channels: summary.channelCount, height: options.preparation.height, width: options.preparation.width)
    }
    /// The group of each image.
    public var cases: [Int]? { samples.map(\.group) }

    /// A hash of the case's name and the slice.
    public func identity(of image: Int) -> UInt64 { ContentHash(samples[image].identity).low }

    /// The case's name and the slice.
    public func name(of image: Int) -> String? { samples[image].identity }

    /// A prepared image: channels × height × width, 0…1.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` when its file is gone, damaged or changed since the target was opened.
    public func image(_ number: Int) throws(AnalyzerError) -> [Float] {
        if let kept = cache.image(number) { return kept }
        let sample = samples[number]
        let raw = try content(of: sample).image(sample.imageNumber, channels: options.channels)
        let prepared = try prepared(number, raw)
        cache.keep(prepared, as: number)
        return prepared
    }

    /// Several prepared images: N × channels × height × width.
    public func images(_ numbers: [Int]) throws(AnalyzerError) -> TensorView {
        var values: [Float] = []
        for number in numbers { values += try image(number) }
        let shape = imageShape
        return TensorView(floats: values, shape: [numbers.count, shape.channels, shape.height, shape.width])
    }

    /// The opened case of a sample.
    func content(of sample: TargetSample) throws(AnalyzerError) -> CaseContent {
        let listed = listing.cases[sample.caseNumber]
        return try cache.content(of: sample.caseNumber) { () throws(AnalyzerError) in
            let found = try CaseIndex.contents(of: listed)
            for (now, then) in zip(found, index[sample.caseNumber].contents) where now != then {
                throw .format(
                    FormatError(
                        listed.images.first ?? listed.name,
                        .invalid(
                            section: "content", expected: "\(then.size) bytes as when the target was opened",
                            found: now.size == then.size ? "other bytes" : "\(now.size) bytes; start again")))
            }
            return try CaseContent(listed, options: options)
        }
    }

    // MARK: Groups

    /// The group number of each case's images: what the layout says, else what the names say, else one a volume and one
    /// an image.
    private static func groups(_ listing: TargetListing, index: [CaseIndex], options: TargetOptions) -> [[Int]] {
        let names = listing.cases.map { $0.group ?? $0.name }
        let isGrouped = options.groupsByName && !listing.cases.contains { $0.group != nil }
        let caseGroups = isGrouped ? CaseGrouping.groups(of: names) ?? names : names
        var numbers: [String: Int] = [:]
        func number(_ name: String) -> Int {
            let known = numbers[name] ?? numbers.count
            numbers[name] = known
            return known
        }
        return zip(caseGroups, index).map { name, entry in
            // The images of an array are taken for separate ones.
            let isArray = entry.volume == nil && entry.images.count + entry.droppedCount > 1
            return entry.images.map { isArray ? number("\(name)/\($0)") : number(name) }
        }
    }
}
