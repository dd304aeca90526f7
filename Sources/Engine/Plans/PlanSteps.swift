// What a plan is made of: steps that refer to memory, first before it is allocated, then bound to it.

/// Memory that a step refers to before it is allocated.
enum MemoryReference {
    /// A buffer of the arena, from one of its bytes on.
    case buffer(Int, offset: Int = 0)
    /// Weights and other constants; ``PlanBuilder/constant(_:)`` keeps them for the plan's life.
    case constant(AlignedBuffer)
    /// Temporary memory of one primitive, shared by all since steps run one after another.
    case scratch
    /// The level output of the run, set before each run.
    case output

    /// What lies some bytes behind, in a buffer.
    func advanced(by byteCount: Int) -> MemoryReference {
        if case .buffer(let index, let offset) = self { .buffer(index, offset: offset + byteCount) } else { self }
    }
}

/// What a step computes, for diagnosis.
struct StepLabel {
    let layer: String
    /// The kernel's own name; nil for one of our loops that are not worth one.
    var kernel: String?
}

/// A step waiting for its memory.
enum PendingStep {
    case primitive(Primitive, [(role: Int32, memory: MemoryReference)])
    case kernel((MemoryResolver) -> () -> Void)
    case emit(level: Int, Primitive, source: Int)
}

/// Turns references into addresses once memory is allocated.
struct MemoryResolver {
    let arena: AlignedBuffer
    let offsets: [Int]
    let scratch: AlignedBuffer
    /// Bytes from one slice to the next in the buffers that hold the whole batch.
    let sliceByteCounts: [Int: Int]
    /// The slice whose steps are bound.
    var slice = 0

    func address(_ reference: MemoryReference) -> UnsafeMutableRawPointer {
        switch reference {
        case .buffer(let index, let offset):
            arena.base + offsets[index] + slice * sliceByteCounts[index, default: 0] + offset
        case .constant(let buffer): buffer.base
        case .scratch, .output: scratch.base
        }
    }

    func floats(_ reference: MemoryReference) -> UnsafeMutablePointer<Float> {
        address(reference).assumingMemoryBound(to: Float.self)
    }
}

/// A step ready to run.
struct PlanStep {
    enum Work {
        /// A oneDNN primitive.
        case primitive(Step)
        /// One of our own loops.
        case kernel(() -> Void)
        /// Copies a level out.
        case emit(level: Int, Step)
    }

    let work: Work
    /// The first of the images that it works on.
    let firstImage: Int
    let label: StepLabel
}
