// Predictions land on the voxels they are about, however a file keeps its axes.

import Engine
import Formats
import FoundationEssentials
import TestSupport
import Testing

@testable import Analyzer

@Suite struct OrientationTests {
    private static let permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]

    /// A volume of the same body, its file axis `a` along world axis `axes[a]`.
    private func stored(_ body: [Int16], _ size: [Int], axes: [Int], flips: Int) throws -> Volume {
        let isFlipped = (0..<3).map { flips >> $0 & 1 == 1 }
        let shape = axes.map { size[$0] }
        var values: [Int16] = []
        for k in 0..<shape[2] {
            for j in 0..<shape[1] {
                for i in 0..<shape[0] {
                    var world = [0, 0, 0]
                    for (axis, index) in [i, j, k].enumerated() {
                        world[axes[axis]] = isFlipped[axis] ? shape[axis] - 1 - index : index
                    }
                    values.append(body[(world[2] * size[1] + world[1]) * size[0] + world[0]])
                }
            }
        }
        var affine = Affine.identity
        for axis in 0..<3 {
            affine.linear.columns[axis] = [0, 0, 0]
            let step = [1.5, 2.0, 3.25][axes[axis]]
            affine.linear.columns[axis][axes[axis]] = isFlipped[axis] ? -step : step
            affine.translation[axes[axis]] = isFlipped[axis] ? step * Double(shape[axis] - 1) : 0
        }
        return try Volume(
            voxels: TensorView(dtype: .int16, shape: Shape(shape.reversed()), bytes: Bytes(copying: values)),
            geometry: VolumeGeometry(affine: affine))
    }

    @Test func everyOneOf48OrientationsComesBackVoxelForVoxel() throws {
        let size = [6, 5, 4]
        let body = levels(size.reduce(1, *))
        try TargetTree.make { tree in
            var sources: [String: Volume] = [:]
            for axes in Self.permutations {
                for flips in 0..<8 {
                    let volume = try stored(body, size, axes: axes, flips: flips)
                    let name = "v\(axes.map { "\($0)" }.joined())\(flips)"
                    try volume.write(to: tree("in/\(name).nii"))
                    sources[name] = volume
                }
            }
            // Five rows: one that the network cannot halve.
            let predictor = try thresholdPredictor(height: 5, width: 6) { $0.sliceAxis = .world(2) }
            #expect(
                predictor.notes == [
                    "images of 5×6 are padded with zeros to 6×6, multiples of 2 as the encoder needs, and cut again"
                ])
            let report = try tree.predict("in", predictor)
            #expect(report.cases.count == 48)
            #expect(report.failures.isEmpty)
            #expect(Set(sources.values.map(\.axisCodes)).count == 48)
            for (name, source) in sources {
                let labels = try Volume(reading: "\(tree.path)/out/\(name).nii.gz")
                #expect(try labels.labels().values == source.floats().map { $0 > 50 ? 1 : 0 }, "\(source.axisCodes)")
                #expect(labels.geometry == (try Volume(reading: "\(tree.path)/in/\(name).nii").geometry))
                #expect(labels.shape == source.shape)
            }
            let bright = body.count { $0 > 50 }
            for predicted in report.cases {
                #expect(predicted.counts == [body.count - bright, bright])
                #expect(predicted.milliliters(of: 1) == Double(bright) * 1.5 * 2 * 3.25 / 1000)
                #expect(predicted.imageCount == 4)
            }
        }
    }

    static let oddFiles = ((try? TestData.files(in: TestData.fixtures + "/volumes")) ?? []).filter {
        $0.hasPrefix("geo_")
            || ["dims_4d_one.nii", "dims_2d.nii", "gz_be.nii.gz", "two_be.nii", "pair_be.hdr"].contains($0)
            || ["analyze_be.hdr", "scl_linear.nii", "scl_negative.nii", "float64_be.nii", "pairgz.hdr.gz"].contains($0)
    }

    @Test(arguments: oddFiles, [0, 1, 2])
    func oddFilesComeBackVoxelForVoxel(name: String, axis: Int) throws {
        let source = try Volume(reading: TestData.fixtures + "/volumes/" + name)
        guard source.spatialShape.enumerated().allSatisfy({ $0.offset == axis || $0.element > 1 }) else { return }
        let values = source.floats()
        let (low, high) = (Double(values.min() ?? 0), Double(values.max() ?? 1))
        // A threshold in the widest gap that has values on both sides, so that rounding cannot move a voxel across it.
        let sorted = Set(values).sorted()
        let gap = try #require(zip(sorted, sorted.dropFirst()).max { $0.1 - $0.0 < $1.1 - $1.0 })
        let threshold = (Double(gap.0) + Double(gap.1)) / 2
        let plane = VolumePlane(upright: source, axis: axis, index: 0)
        let predictor = try thresholdPredictor(
            height: source.spatialShape[plane.rowAxis], width: source.spatialShape[plane.columnAxis],
            thresholds: [Float((threshold - low) / (high - low))]
        ) {
            $0.sliceAxis = .file(axis)
            $0.preparation.normalization = .minMax
        }
        try TargetTree.make { tree in
            let options = PredictionOptions(out: tree.path + "/out")
            let job = try PredictionJob([source.path], predictor, options: options)
            let report = try job.run(predictor)
            let output = try #require(report.cases.first?.output)
            let labels = try Volume(reading: output)
            // An image of one value has nothing in it.
            let isEmpty = (0..<source.spatialShape[axis]).contains { index in
                let values = source.floats(of: VolumePlane(upright: source, axis: axis, index: index))
                return values.allSatisfy { $0 == values[0] }
            }
            #expect(!isEmpty)
            #expect(try labels.labels().values == values.map { Double($0) > threshold ? 1 : 0 })
            #expect(labels.geometry == source.geometry)
            #expect(labels.shape == Array(source.shape.prefix(3)))
        }
    }
}
