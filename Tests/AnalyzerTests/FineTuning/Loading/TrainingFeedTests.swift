// Batches: the same bits whatever the threads, from wherever one begins, and never a wait without a word.

import Engine
import Formats
import FoundationEssentials
import Glibc
import Testing

@testable import Analyzer

@Suite struct TrainingFeedTests {
    /// Seven images of 2×3 pixels; every image differs.
    private func withData<Result>(_ body: (TargetTree, SegmentationData) throws -> Result) throws -> Result {
        try TargetTree.make { tree in
            try tree.pictures((0..<7).map { ("p\($0)", [0, 1, UInt8($0 % 2), 0, 0, 1]) })
            return try body(tree, tree.labelled())
        }
    }

    private func feed(
        _ data: SegmentationData, threads: Int = 1, augment: String = "none", last: LastBatch = .keep
    ) throws -> TrainingFeed {
        var options = TrainingFeedOptions()
        (options.batchSize, options.seed, options.threads, options.lastBatch) = (3, 11, threads, last)
        options.augmentation = try AugmentationOptions(parsing: augment)
        return try TrainingFeed(
            data, images: Array(0..<7), channels: 3, normalization: .imageNet, options: options)
    }

    private func all(_ stream: TrainingStream) throws -> [TrainingBatch] {
        var batches: [TrainingBatch] = []
        while let batch = try stream.next() { batches.append(batch) }
        return batches
    }

    @Test func anEpochShowsEveryImageOnceInItsOrder() throws {
        try withData { _, data in
            let feed = try feed(data)
            let batches = try all(feed.stream(epochs: 2))
            #expect(batches.map(\.count) == [3, 3, 1, 3, 3, 1])
            #expect(batches.map(\.epoch) == [0, 0, 0, 1, 1, 1])
            #expect(batches.map(\.isLastOfEpoch) == [false, false, true, false, false, true])
            #expect(batches.prefix(3).flatMap(\.images) == feed.order(ofEpoch: 0))
            #expect(feed.order(ofEpoch: 0).sorted() == Array(0..<7))
            #expect(feed.order(ofEpoch: 0) != feed.order(ofEpoch: 1))
            for batch in batches {
                let images = try batch.images.map { try data.image($0) }
                #expect(batch.values == feed.input(images))
                #expect(try batch.labels == batch.images.flatMap { try data.labels($0) })
            }
        }
    }

    @Test func batchesAreTheSameWhateverTheThreadsAndWhereverOneBegins() throws {
        try withData { _, data in
            let text = "flips,rotate=180,scale=0.2,translate=0.2,elastic,jitter,crop=0.5,brightness=0.1,gamma=0.3"
            let whole = try all(feed(data, threads: 1, augment: text).stream(epochs: 3))
            #expect(whole.count == 9)
            #expect(whole[0].values != whole[3].values)
            for threads in [2, 5] {
                let parallel = try feed(data, threads: threads, augment: text)
                for start in [0, 4, 8] {
                    let position = FeedPosition(epoch: start / 3, batch: start % 3)
                    let rest = try all(parallel.stream(from: position, epochs: 3))
                    #expect(rest.map(\.values) == whole[start...].map(\.values))
                    #expect(rest.map(\.labels) == whole[start...].map(\.labels))
                    #expect(rest.map(\.number) == whole[start...].map(\.number))
                }
                #expect(try parallel.batch(1, 1).values == whole[4].values)
            }
        }
    }

    @Test func incompleteBatchesCanBeLeftOut() throws {
        try withData { _, data in
            let dropping = try feed(data, last: .drop)
            #expect(dropping.batchesPerEpoch == 2)
            #expect(try all(dropping.stream(epochs: 2)).map(\.count) == [3, 3, 3, 3])
        }
    }

    @Test func evaluationTakesTheImagesAsTheyAre() throws {
        try withData { _, data in
            let feed = try TrainingFeed(
                data, images: [5, 2, 6], channels: 1, normalization: .unit, options: .evaluation(batchSize: 2))
            let batches = try all(feed.stream(epochs: 1))
            #expect(batches.map(\.images) == [[5, 2], [6]])
            #expect(try batches[1].values == data.image(6))
        }
    }

    @Test func nothingComesAfterTheEndAndAfterStopping() throws {
        try withData { _, data in
            let feed = try feed(data, threads: 3)
            #expect(try feed.stream(from: FeedPosition(epoch: 2), epochs: 2).next() == nil)
            let stream = feed.stream(epochs: 1000)
            _ = try stream.next()
            stream.stop()
            #expect(try stream.next() == nil)
            #expect(stream.statistics.batches == 1)
        }
    }

    @Test func aFileThatVanishesEndsTheStreamWithItsName() throws {
        try TargetTree.make { tree in
            try tree.pictures((0..<7).map { ("p\($0)", [0, 1, 0, 0, 0, 1]) })
            let data = try tree.labelled { options, target in
                (options.cacheBytes, options.scratchFolder, target.cacheBytes) = (0, nil, 0)
            }
            let feed = try feed(data, threads: 2)
            let gone = feed.order(ofEpoch: 0)[4]
            try FileManager.default.removeItem(atPath: data.cases[gone].imagePath)
            let stream = feed.stream(epochs: 5)
            #expect(try stream.next()?.number == 0)
            #expect(
                tree.refusal { try stream.next() } == "ROOT/images/p\(gone).png: cannot open: No such file or directory"
            )
            #expect(try stream.next() == nil)
        }
    }

    @Test func batchesOfNothingAreRefused() throws {
        try withData { _, data in
            var options = TrainingFeedOptions()
            options.batchSize = 0
            #expect(throws: AnalyzerError.option(name: "--batch", value: "0", expected: "at least one image")) {
                try TrainingFeed(data, images: [0], channels: 1, normalization: .unit, options: options)
            }
            (options.batchSize, options.lastBatch) = (4, .drop)
            #expect(
                throws: AnalyzerError.option(
                    name: "--batch", value: "4",
                    expected: "at most 3, the number of images, when incomplete batches are dropped")
            ) { try TrainingFeed(data, images: [0, 1, 2], channels: 1, normalization: .unit, options: options) }
            #expect(throws: AnalyzerError.self) {
                try TrainingFeed(data, images: [], channels: 1, normalization: .unit)
            }
        }
    }

    @Test func theShareOfWaitingIsMeasured() throws {
        try withData { _, data in
            let stream = try feed(data, threads: 1).stream(epochs: 4)
            while try stream.next() != nil { usleep(2000) }
            let statistics = stream.statistics
            #expect(statistics.batches == 12)
            #expect(statistics.seconds >= 0.022)
            #expect(statistics.waitingShare >= 0 && statistics.waitingShare < 1)
            #expect(statistics.makingSeconds > 0)
        }
    }
}
