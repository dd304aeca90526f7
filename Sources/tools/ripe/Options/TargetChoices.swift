// Options that say which images checkpoints are scored on and how those are prepared.

import Analyzer
import ArgumentParser

/// `--target` and how its images are cut, normalised and resized.
struct TargetChoices: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The images: a data set (nnU-Net raw, Decathlon, ACDC), a folder of images or images/ (+ masks/), or a .npy; "
                + "may be given again for several files.",
            valueName: "path"),
        completion: .directory)
    var target: [String] = []

    @Option(
        help: ArgumentHelp(
            "Which part: train, validation, test, all. (default: train where there is one)", valueName: "part"),
        transform: { try word($0, TargetSplit.self) })
    var split: TargetSplit?

    @Option(help: ArgumentHelp("Height and width that images are resized to: 224 or 224x192.", valueName: "size"))
    var imageSize = "224"

    @Option(
        help: ArgumentHelp(
            "How another aspect fills it: \(allWords(ImagePreparation.Fit.self)). (default: \(ImagePreparation().fit.rawValue))",
            valueName: "fit"),
        transform: { try word($0, ImagePreparation.Fit.self) })
    var fit = ImagePreparation().fit

    @Option(
        help: ArgumentHelp(
            "How intensities become 0…1: auto, percentile[:LOW,HIGH], ct[:LOW,HIGH], window:LOW,HIGH, zscore[:CLIP], minmax, "
                + "none.",
            valueName: "scheme"))
    var normalize = "auto"

    @Option(
        help: ArgumentHelp(
            "How volumes are cut: auto (along the coarsest spacing), axial, coronal, sagittal, or the file's axis 0, 1, 2.",
            valueName: "axis"))
    var sliceAxis = "auto"

    @Option(
        help: ArgumentHelp("Of several channels, the one to use, or three as red, green, blue.", valueName: "numbers"))
    var channel = "0"

    @Flag(help: "Keep slices that hold nothing but background.")
    var keepEmpty = false

    /// The option given, if any, that says how images are prepared.
    var preparationOption: String? {
        let given = [
            ("--split", split != nil), ("--image-size", imageSize != "224"), ("--fit", fit != ImagePreparation().fit),
            ("--normalize", normalize != "auto"), ("--slice-axis", sliceAxis != "auto"), ("--channel", channel != "0"),
            ("--keep-empty", keepEmpty),
        ]
        return given.first { $0.1 }?.0
    }

    /// The options for opening the target.
    func options(threads: Int) throws -> TargetOptions {
        var options = TargetOptions()
        options.split = split
        options.threads = threads
        options.dropsEmptySlices = !keepEmpty
        options.preparation.fit = fit
        options.preparation.normalization = try Normalization(normalize)
        let sides = imageSize.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard sides.count <= 2, let height = sides[0], let width = sides[sides.count - 1] else {
            throw ToolError.usage("--image-size '\(imageSize)': expected pixels such as 224 or 224x192")
        }
        (options.preparation.height, options.preparation.width) = (height, width)
        guard let axis = SliceAxis(sliceAxis) else {
            throw ToolError.usage("--slice-axis '\(sliceAxis)': expected auto, axial, coronal, sagittal, 0, 1 or 2")
        }
        options.sliceAxis = axis
        let channels = channel.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard !channels.contains(nil) else {
            throw ToolError.usage("--channel '\(channel)': expected a number from 0, or three such as 0,1,2")
        }
        options.channels = channels.compactMap { $0 }
        return options
    }
}
