// From logits to classes, and how these agree with the truth.

import Engine
import Formats

/// The class of each pixel of an image: that of the largest logit, the first of equals; with one channel, class 1 where the
/// logit is at least 0 (a probability of ½).
///
/// - Parameter logits: channels × plane.
func classesOfLogits(_ logits: UnsafeBufferPointer<Float>, plane: Int) -> [UInt8] {
    let channels = logits.count / plane
    return [UInt8](unsafeUninitializedCapacity: plane) { labels, count in
        for pixel in 0..<plane {
            var winner = 0
            if channels == 1 {
                winner = logits[pixel] >= 0 ? 1 : 0
            } else {
                var largest = logits[pixel]
                for channel in 1..<channels where logits[channel * plane + pixel] > largest {
                    largest = logits[channel * plane + pixel]
                    winner = channel
                }
            }
            labels.initializeElement(at: pixel, to: UInt8(truncatingIfNeeded: winner))
        }
        count = plane
    }
}

extension ConfusionMatrix {
    /// Counts a batch's logits against its masks.
    ///
    /// - Parameters:
    ///   - logits: N×K×h×w, K = 1 for two classes; see ``classesOfLogits(_:plane:)``.
    ///   - labels: N×h×w class indices, ``LabelScheme/ignoredIndex`` where ignored.
    init(logits: UnsafeBufferPointer<Float>, shape: Shape, labels: [UInt8], classes: Int, threads: Int) {
        let (images, plane) = (shape[0], shape[2] * shape[3])
        let size = shape[1] * plane
        var parts = [ConfusionMatrix](repeating: ConfusionMatrix(classCount: classes), count: images)
        labels.withUnsafeBufferPointer { labels in
            parts.withUnsafeMutableBufferPointer { parts in
                parallelFor(images, threads: threads) { image in
                    let maps = UnsafeBufferPointer(rebasing: logits[image * size..<(image + 1) * size])
                    classesOfLogits(maps, plane: plane).withUnsafeBufferPointer { predicted in
                        parts[image].add(
                            prediction: predicted,
                            truth: UnsafeBufferPointer(rebasing: labels[image * plane..<(image + 1) * plane]),
                            ignoreLabel: LabelScheme.ignoredIndex)
                    }
                }
            }
        }
        self.init(classCount: classes)
        for part in parts { merge(part) }
    }
}
