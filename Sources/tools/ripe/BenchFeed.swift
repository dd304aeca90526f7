// `ripe bench feed`: how fast training batches are made, and how long a training would wait for them.

import Analyzer
import ArgumentParser
import Engine
import Formats
import Glibc

extension Bench {
    /// Times the making of training batches from labelled images.
    struct Feed: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Time how fast training batches are read, varied and scaled.", shouldDisplay: false)

        @OptionGroup var target: TargetChoices

        @Option(help: "Images in a batch.")
        var batch = 8

        @Option(help: "Random changes; see 'ripe help finetune'.")
        var augment = "flips,rotate=180,scale=0.2,jitter"

        @Option(help: "Milliseconds that a training step takes.")
        var step = 100.0

        @Option(help: "Epochs to go through.")
        var epochs = 3

        @OptionGroup var threads: ThreadOptions

        func validate() throws {
            guard (1...1024).contains(batch) else { throw ValidationError("--batch must be from 1 to 1024") }
            guard (0...10_000).contains(step) else { throw ValidationError("--step must be from 0 to 10000") }
            guard (1...1000).contains(epochs) else { throw ValidationError("--epochs must be from 1 to 1000") }
        }

        func run() throws {
            let clock = ContinuousClock()
            let start = clock.now
            let data = try SegmentationData.open(
                Target.open(target.target, options: target.options(threads: threads.count)))
            let opening = (clock.now - start).inSeconds
            var options = TrainingFeedOptions()
            options.batchSize = batch
            options.augmentation = try AugmentationOptions(parsing: augment)
            let feed = try TrainingFeed(
                data, images: Array(data.images.indices), channels: 3, normalization: .imageNet, options: options)
            var making: [Double] = []
            for epoch in 0..<epochs {
                for number in 0..<feed.batchesPerEpoch {
                    let before = Self.processorSeconds
                    _ = try feed.batch(epoch, number)
                    making.append(Self.processorSeconds - before)
                }
            }
            let stream = feed.stream(epochs: epochs)
            while try stream.next() != nil { usleep(useconds_t(step * 1000)) }
            making.sort()
            try Console.write(
                JSON.object([
                    "images": .integer(data.imageCount), "openingSeconds": .real(opening),
                    "processorMillisecondsPerBatch": .real(1000 * making[making.count / 2]),
                    "slowestProcessorMilliseconds": .real(1000 * (making.last ?? 0)),
                    "waitingShare": .real(stream.statistics.waitingShare),
                    "firstWaitSeconds": .real(stream.statistics.firstWaitSeconds),
                ]).text())
        }

        /// What this thread has computed so far: other programs do not count.
        private static var processorSeconds: Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
    }
}
