// From logits to classes, and how these agree with the truth.

import Engine
import Formats

extension ClassOverlap {
    /// Counts a batch's logits against its masks.
    ///
    /// The class is that of the largest logit, the first of equals; with one channel, class 1 where the logit is at least 0
    /// (a probability of ½).
    ///
    /// - Parameters:
    ///   - logits: N×K×h×w, K = 1 for two classes.
    ///   - labels: N×h×w class indices; values from `classes` on are left out.
    init(logits: UnsafeBufferPointer<Float>, shape: Shape, labels: [UInt8], classes: Int, threads: Int) {
        let (images, channels, plane) = (shape[0], shape[1], shape[2] * shape[3])
        var counts = [Int](repeating: 0, count: images * 3 * classes)
        labels.withUnsafeBufferPointer { labels in
            counts.withUnsafeMutableBufferPointer { counts in
                guard let target = counts.baseAddress else { return }
                parallelFor(images, threads: threads) { image in
                    let maps = UnsafeBufferPointer(
                        rebasing: logits[image * channels * plane..<(image + 1) * channels * plane])
                    let truth = UnsafeBufferPointer(rebasing: labels[image * plane..<(image + 1) * plane])
                    Self.count(
                        maps, truth, channels: channels, plane: plane, classes: classes,
                        into: target + image * 3 * classes)
                }
            }
        }
        func sum(_ kind: Int) -> [Int] {
            (0..<classes).map { label in
                (0..<images).reduce(0) { $0 + counts[($1 * 3 + kind) * classes + label] }
            }
        }
        self.init(truth: sum(0), predicted: sum(1), both: sum(2))
    }

    private static func count(
        _ maps: UnsafeBufferPointer<Float>, _ truth: UnsafeBufferPointer<UInt8>, channels: Int, plane: Int,
        classes: Int,
        into counts: UnsafeMutablePointer<Int>
    ) {
        for pixel in 0..<plane {
            let label = Int(truth[pixel])
            guard label < classes else { continue }
            var winner = 0
            if channels == 1 {
                winner = maps[pixel] >= 0 ? 1 : 0
            } else {
                var largest = maps[pixel]
                for channel in 1..<channels where maps[channel * plane + pixel] > largest {
                    largest = maps[channel * plane + pixel]
                    winner = channel
                }
            }
            counts[label] += 1
            counts[classes + winner] += 1
            if label == winner { counts[2 * classes + label] += 1 }
        }
    }
}
