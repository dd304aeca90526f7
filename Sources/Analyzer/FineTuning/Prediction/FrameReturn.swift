// From a network's logits in the prepared frame to classes in an image's own frame.

import Formats
import Glibc

/// What a network says of one image, at the image's own size.
struct ImageClasses: Sendable {
    /// Class indices, rows × columns.
    var labels: [UInt8]
    /// Channels of the logits × rows × columns, where wanted.
    var probabilities: [Float] = []

    /// An image in which there is nothing: background.
    init(background channels: Int, count: Int, wantsProbabilities: Bool) {
        labels = [UInt8](repeating: 0, count: count)
        guard wantsProbabilities else { return }
        probabilities = [Float](repeating: 0, count: channels * count)
        if channels > 1 { for index in 0..<count { probabilities[index] = 1 } }
    }

    init(labels: [UInt8], probabilities: [Float]) {
        (self.labels, self.probabilities) = (labels, probabilities)
    }
}

/// The way back of images of one size: softmax or sigmoid, bilinear to the part of the image that filled the frame, then
/// that part in its place. Beyond it, where a cropped frame did not reach, is background.
struct FrameReturn: Sendable {
    private let frame: (height: Int, width: Int)
    private let image: (height: Int, width: Int)
    private let box: ImageBox
    private let resampling: PlaneResampling

    /// - Precondition: all sizes are above 0.
    init(frame: (height: Int, width: Int), box: ImageBox, image: (height: Int, width: Int)) {
        (self.frame, self.image, self.box) = (frame, image, box)
        resampling = PlaneResampling(from: frame, to: (box.height, box.width))
    }

    /// The classes of one image.
    ///
    /// - Parameter logits: channels × frame height × frame width; one channel is the logit of the second of two classes.
    func callAsFunction(
        _ logits: UnsafeBufferPointer<Float>, channels: Int, wantsProbabilities: Bool
    ) -> ImageClasses {
        let plane = frame.height * frame.width
        let probabilities = channels == 1 ? Self.sigmoid(logits) : Self.softmax(logits, channels: channels)
        var planes: [[Float]] = []
        for channel in 0..<channels {
            let part = Array(probabilities[channel * plane..<(channel + 1) * plane])
            // Beyond a cropped frame the background is certain.
            planes.append(placed(resampling(part), outside: channel == 0 && channels > 1 ? 1 : 0))
        }
        let labels = channels == 1 ? planes[0].map { $0 >= 0.5 ? 1 : 0 } : Self.largest(planes)
        return ImageClasses(labels: labels, probabilities: wantsProbabilities ? planes.flatMap { $0 } : [])
    }

    private func placed(_ part: [Float], outside: Float) -> [Float] {
        guard box != ImageBox(top: 0, left: 0, height: image.height, width: image.width) else {
            return part.map { min(max($0, 0), 1) }
        }
        var result = [Float](repeating: outside, count: image.height * image.width)
        let columns = max(0, box.left)..<max(max(0, box.left), min(image.width, box.left + box.width))
        for row in max(0, box.top)..<max(max(0, box.top), min(image.height, box.top + box.height)) {
            let source = (row - box.top) * box.width - box.left
            for column in columns { result[row * image.width + column] = min(max(part[source + column], 0), 1) }
        }
        return result
    }

    static func sigmoid(_ logits: UnsafeBufferPointer<Float>) -> [Float] { logits.map { 1 / (1 + expf(-$0)) } }

    /// Softmax over the channels of each position.
    static func softmax(_ logits: UnsafeBufferPointer<Float>, channels: Int) -> [Float] {
        let plane = logits.count / channels
        return [Float](unsafeUninitializedCapacity: logits.count) { output, count in
            var highest = Array(logits[0..<plane])
            for channel in 1..<channels {
                let start = channel * plane
                for index in 0..<plane { highest[index] = max(highest[index], logits[start + index]) }
            }
            var sums = [Float](repeating: 0, count: plane)
            for channel in 0..<channels {
                let start = channel * plane
                for index in 0..<plane {
                    let value = expf(logits[start + index] - highest[index])
                    output.initializeElement(at: start + index, to: value)
                    sums[index] += value
                }
            }
            for channel in 0..<channels {
                let start = channel * plane
                for index in 0..<plane { output[start + index] /= sums[index] }
            }
            count = logits.count
        }
    }

    /// The channel of the largest value at each position, the first of equals.
    static func largest(_ planes: [[Float]]) -> [UInt8] {
        var best = planes[0]
        var labels = [UInt8](repeating: 0, count: best.count)
        for (label, plane) in planes.enumerated().dropFirst() {
            for index in plane.indices where plane[index] > best[index] {
                best[index] = plane[index]
                labels[index] = UInt8(truncatingIfNeeded: label)
            }
        }
        return labels
    }
}
