// From the images a user names to the cases to predict and the names of what is written for them.

import Formats
import FoundationEssentials

/// The cases of a prediction, each with the name of its outputs.
struct PredictionListing: Sendable {
    /// Cases in natural order.
    let cases: [ListedCase]
    /// The output name of each case, without folder and ending; no two alike.
    let names: [String]
    /// Remarks that the user should see.
    let notes: [String]
    /// How the files are arranged.
    let layout: TargetLayout

    /// Lists the images.
    ///
    /// A plain folder whose files are named as nnU-Net's (`case_0000.nii.gz`, `case_0001.nii.gz`) holds the channels of
    /// cases, not cases of their own.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` for what is missing, empty or ambiguous.
    init(_ paths: [String], options: TargetOptions) throws(AnalyzerError) {
        var listing = try TargetListing(paths, options: options)
        if listing.layout == .files, let grouped = try Self.channelsTogether(listing.cases, options: options) {
            listing.cases = grouped
        }
        cases = listing.cases
        layout = listing.layout
        notes = listing.notes
        names = try Self.names(listing.cases, place: listing.place)
    }

    /// `case_0000` taken apart; nil for other names.
    private static func channel(_ name: String) -> (identity: String, channel: Int)? {
        let digits = name.suffix(4)
        guard digits.count == 4, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let channel = Int(digits),
            name.dropLast(4).hasSuffix("_"), name.count > 5
        else { return nil }
        return (String(name.dropLast(5)), channel)
    }

    /// The cases whose files are channels, where all names say so and some case has more than one.
    private static func channelsTogether(
        _ files: [ListedCase], options: TargetOptions
    ) throws(AnalyzerError) -> [ListedCase]? {
        var channels: [String: [Int: String]] = [:]
        var order: [String] = []
        for file in files {
            guard let (identity, channel) = channel(file.name), let path = file.images.first else { return nil }
            if channels[identity] == nil { order.append(identity) }
            channels[identity, default: [:]][channel] = path
        }
        guard channels.values.contains(where: { $0.count > 1 && $0[0] != nil }) else { return nil }
        return try order.map { (identity) throws(AnalyzerError) in
            let files = channels[identity] ?? [:]
            let images = try options.channels.map { (wanted) throws(AnalyzerError) -> String in
                guard let path = files[wanted] else {
                    let known = files.keys.sorted().map { "\($0)" }.joined(separator: ", ")
                    throw .format(
                        FormatError(
                            files.values.min() ?? identity,
                            .invalid(
                                section: "case \(identity)",
                                expected: "a file for channel \(wanted), as the model takes",
                                found: "channels \(known); give all channels that the model was trained on")))
                }
                return path
            }
            return ListedCase(name: identity, images: images, channelCount: files.count)
        }
    }

    /// Names without nnU-Net's `_0000` and without folders.
    private static func names(_ cases: [ListedCase], place: String) throws(AnalyzerError) -> [String] {
        var names = cases.map { listed in
            let flat = String(listed.name.map { $0 == "/" ? "_" : $0 })
            return flat.hasSuffix("_0000") && flat.count > 5 ? String(flat.dropLast(5)) : flat
        }
        // A name that is another case's without its number keeps it.
        let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
        for index in names.indices where counts[names[index], default: 0] > 1 {
            names[index] = String(cases[index].name.map { $0 == "/" ? "_" : $0 })
        }
        guard Set(names).count == names.count else {
            throw .format(
                FormatError(
                    place,
                    .unrecognized(
                        found: "several images would be written under one name",
                        advice: "predict them folder by folder")))
        }
        return names
    }
}
