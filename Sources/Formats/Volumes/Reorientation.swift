// Turning whole volumes to RAS+ and taking results back to exactly where they came from.

/// How a volume was turned to RAS+, remembered so that it can be undone without deriving anything anew (flips derived
/// from axis codes got lost in nnU-Net issue 2477).
public struct Reorientation: Sendable, Hashable {
    /// Which axes moved and turned.
    public let orientation: Orientation
    /// The sizes before, as the file had them.
    public let sourceShape: [Int]
    /// Where the volume lay before.
    public let sourceGeometry: VolumeGeometry
    /// Facts that name axes, before.
    fileprivate let sourceHeader: VolumeHeader

    /// The sizes after.
    public var canonicalShape: [Int] {
        let spatial = Array((sourceShape + [1, 1, 1]).prefix(3))
        return orientation.voxelAxes.map { spatial[$0] } + sourceShape.dropFirst(3)
    }

    /// Takes a volume in canonical orientation, such as a predicted label map, back to the source's orientation and
    /// place, number for number.
    ///
    /// - Throws: ``FormatError`` with `.invalid` when its sizes are not the canonical ones.
    public func undo(_ volume: Volume) throws(FormatError) -> Volume {
        let expected = Array(canonicalShape.prefix(3))
        guard volume.spatialShape == expected else {
            throw FormatError(
                volume.path,
                .invalid(
                    section: "volume to turn back", expected: "\(Shape(expected)) voxels",
                    found: "\(Shape(volume.spatialShape))"))
        }
        let frames = Array(volume.shape.dropFirst(3))
        let spatial = frames.isEmpty ? Array(sourceShape.prefix(3)) : Array((sourceShape + [1, 1, 1]).prefix(3))
        var result = volume.rearranged(
            shape: spatial + frames, takingAxes: orientation.worldAxes, isReversed: orientation.isFlipped)
        result.geometry = sourceGeometry
        result.header.dimInfo = sourceHeader.dimInfo
        result.header.slices = sourceHeader.slices
        return result
    }
}

extension Volume {
    /// The volume with its axes permuted and flipped to RAS+ (x right, y anterior, z superior), nothing resampled, and
    /// how to go back.
    ///
    /// Agrees with nibabel's `as_closest_canonical`. Both forms move along; a volume whose file had no orientation
    /// gets an sform of code 2, since it has one now.
    public func canonical() -> (volume: Volume, way: Reorientation) {
        let orientation = Orientation(of: geometry.affine)
        let way = Reorientation(
            orientation: orientation, sourceShape: shape, sourceGeometry: geometry, sourceHeader: header)
        guard !orientation.isCanonical else { return (self, way) }
        let spatial = spatialShape
        let taken = orientation.voxelAxes
        var result = rearranged(
            shape: way.canonicalShape, takingAxes: taken, isReversed: taken.map { orientation.isFlipped[$0] })
        result.geometry = geometry.mapped { orientation.canonical($0, shape: spatial) }
        if geometry.source == .none {
            result.geometry.source = .sform
            result.geometry.sform = VolumeGeometry.Form(code: 2, affine: result.geometry.affine)
        }
        result.header.turn(by: orientation, sliceCounts: spatial)
        return (result, way)
    }

    /// The voxels with file axis `a` of the result being axis `axes[a]` of this volume, backwards where said.
    fileprivate func rearranged(shape newShape: [Int], takingAxes axes: [Int], isReversed: [Bool]) -> Volume {
        let rank = max(3, shape.count)
        // The tensor's axes are the file's in reverse, the samples of colours last.
        var permutation = Array(0..<voxels.shape.rank)
        var reversed = [Bool](repeating: false, count: voxels.shape.rank)
        for axis in 0..<3 {
            permutation[rank - 1 - axis] = rank - 1 - axes[axis]
            reversed[rank - 1 - axis] = isReversed[axis]
        }
        let turned = voxels.rearranged(permutation: permutation, isReversed: reversed)
        var result = Volume(
            path: path, shape: newShape, type: type, bytes: turned.bytes, geometry: geometry, scaling: scaling,
            header: header)
        result.warnings = warnings
        return result
    }
}

extension VolumeHeader {
    /// Renames the axes in `dim_info` and turns the slice order with the slice axis.
    fileprivate mutating func turn(by orientation: Orientation, sliceCounts: [Int]) {
        let pixels = pixdim
        for axis in 0..<3 { pixdim[orientation.worldAxes[axis]] = pixels[axis] }
        let named = (0..<3).map { Int(dimInfo >> (2 * UInt8($0)) & 3) }  // frequency, phase, slice; 0 = not said
        if let slice = named.last, slice > 0, orientation.isFlipped[slice - 1] {
            let last = sliceCounts[slice - 1] - 1
            if slices.end > 0 { (slices.start, slices.end) = (last - slices.end, last - slices.start) }
            // Codes come in pairs: 1 up and 2 down, 3 and 4 interleaved, 5 and 6 interleaved from the second slice.
            if 1...6 ~= slices.code { slices.code += slices.code % 2 == 0 ? -1 : 1 }
        }
        dimInfo = named.enumerated().reduce(dimInfo & 0xC0) { info, item in
            info | UInt8(item.element == 0 ? 0 : orientation.worldAxes[item.element - 1] + 1)
                << (2 * UInt8(item.offset))
        }
    }
}
