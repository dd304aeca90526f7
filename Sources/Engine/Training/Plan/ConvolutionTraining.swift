// Convolutions forward and backward: the derivative by the input needs the weights, that by the weights the input.

import CKernels
import COneDNN
import Formats

extension TrainingBuilder {
    func addConvolution(
        _ node: FusedNode, _ convolution: Op.Convolution, isTransposed: Bool
    ) throws(EngineError) -> Reverse? {
        if node.doublesInput { return try addDoublingConvolution(node, convolution) }
        let reverse = try convolve(
            node, convolution, isTransposed: isTransposed,
            from: (try memory(of: node.inputs[0]), try plan.layout(of: node.inputs[0])),
            to: (try memory(of: node.output), try plan.layout(of: node.output)))
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            let source = self.needsInputs(node) ? try self.memory(of: node.inputs[0]) : nil
            let target = try reverse(gradient, source, self.wantsInput(node))
            if let target { self.contribute(target, to: node.inputs[0], isOwned: true) }
        }
    }

    /// From the derivative by a convolution's result, and its source where parameters are trained, to the derivative by
    /// the source, if that is wanted.
    typealias ConvolutionReversal = (
        _ gradient: MemoryReference, _ source: MemoryReference?, _ wantsInput: Bool
    ) throws(EngineError) -> MemoryReference?

    /// Appends a convolution between any two pieces of memory and says how to reverse it.
    ///
    /// - Parameter kernel: the network's own kernel and how it lies, where it is not simply the convolution's.
    func convolve(
        _ node: FusedNode, _ convolution: Op.Convolution, isTransposed: Bool = false,
        kernel: (parameter: Parameter, packing: KernelPacking)? = nil,
        from source: (memory: MemoryReference, layout: MapLayout),
        to target: (memory: MemoryReference, layout: MapLayout)
    ) throws(EngineError) -> ConvolutionReversal {
        let geometry = ConvolutionGeometry(
            node, convolution, source: source.layout, target: target.layout, isTransposed: isTransposed)
        let layouts = (try source.layout.described(), try target.layout.described())
        defer { withExtendedLifetime(layouts) {} }
        var spec = geometry.specification
        spec.source = layouts.0.handle
        spec.destination = layouts.1.handle
        spec.has_bias = convolution.bias == nil ? 0 : 1
        var known = parameters.entries[convolution.weight.name]?.kernelLayout
        let winograd = try winogradPlan(geometry, layout: &known)
        // Winograd's convolution needs it too: as the hint of the backward primitives.
        let forward = try Primitive("dnnl_convolution (\(node.name))") {
            CDNN_convolution_training_create(plan.stream.handle, &spec, known?.handle, $0)
        }
        let weights = try parameters.kernel(
            kernel?.parameter ?? convolution.weight,
            kernel?.packing ?? KernelPacking(convolution, geometry, isTransposed: isTransposed)
        ) { () throws(EngineError) in
            if let known { return known }
            return try forward.layoutOrThrow(.weights)
        }
        let bias = try convolution.bias.map { (bias) throws(EngineError) in
            try parameters.vector(bias, stored: target.layout.storedChannels)
        }
        if let winograd {
            try addWinograd(
                winograd, from: plan.use(source.memory), to: plan.use(target.memory),
                kernels: plan.constant(weights.values), bias: bias, isFlipped: false, layer: node.name)
        } else {
            var arguments: [(Primitive.Role, MemoryReference)] = [
                (.source, plan.use(source.memory)), (.destination, plan.use(target.memory)),
                (.weights, plan.constant(weights.values)),
            ]
            if let bias { arguments.append((.bias, plan.constant(bias.values))) }
            plan.append(forward, layer: node.name, arguments)
        }
        let work = ConvolutionReverse(
            name: node.name, geometry: geometry, spec: spec, layouts: layouts, forward: forward,
            weights: weights, bias: bias, isWinograd: winograd != nil)
        return { (gradient, source, wantsInput) throws(EngineError) in
            if let source, weights.gradient != nil || bias?.gradient != nil {
                try self.weightsGradient(work, gradient, source: source)
            }
            return wantsInput ? try self.inputGradient(work, gradient) : nil
        }
    }

    /// Winograd's way, if it gains and the kernels lie as it reads them or do not lie anywhere yet.
    private func winogradPlan(_ geometry: ConvolutionGeometry, layout: inout Layout?) throws(EngineError)
        -> WinogradPlan?
    {
        guard let winograd = WinogradPlan(geometry, activation: nil), winograd.gainsInTraining else { return nil }
        let wanted = try winograd.kernelLayout(geometry)
        if let layout { return CDNN_layout_equal(layout.handle, wanted.handle) != 0 ? winograd : nil }
        layout = wanted
        return winograd
    }

    /// The derivative by the input: a convolution with the kernel turned round.
    private func inputGradient(
        _ work: ConvolutionReverse, _ gradient: MemoryReference
    ) throws(EngineError) -> MemoryReference {
        if work.isWinograd, let plan = WinogradPlan(inputGradientOf: work.geometry) {
            return try winogradInputGradient(work, plan, gradient)
        }
        var spec = work.spec
        let backward = try Primitive("dnnl_convolution_backward_data (\(work.name))") {
            CDNN_convolution_backward_data_create(plan.stream.handle, &spec, work.forward.handle, $0)
        }
        let wanted = try backward.layoutOrThrow(.weights)
        let weights = try rearranged(
            plan.constant(work.weights.values), try work.weights.kernelLayoutOrThrow(), to: wanted,
            layer: work.name)
        let target = plan.use(plan.trackedBuffer(byteCount: work.geometry.source.byteCount))
        plan.append(
            backward, layer: work.name + " (input gradient)",
            [(.destinationGradient, plan.use(gradient)), (.weights, plan.use(weights)), (.sourceGradient, target)])
        return target
    }

    private func winogradInputGradient(
        _ work: ConvolutionReverse, _ winograd: WinogradPlan, _ gradient: MemoryReference
    ) throws(EngineError) -> MemoryReference {
        let turned = try Layout(work.geometry.weightAxes, winograd.source.lanes == 16 ? .kernel16o16i : .kernel8o8i)
        let kernels = try rearranged(
            plan.constant(work.weights.values), try work.weights.kernelLayoutOrThrow(), to: turned,
            layer: work.name)
        let target = plan.use(plan.trackedBuffer(byteCount: work.geometry.source.byteCount))
        try addWinograd(
            winograd, from: plan.use(gradient), to: target, kernels: plan.use(kernels), bias: nil, isFlipped: true,
            layer: work.name + " (input gradient)")
        return target
    }

    /// Transforms the kernels as they are now, then convolves.
    private func addWinograd(
        _ winograd: WinogradPlan, from source: MemoryReference, to target: MemoryReference, kernels: MemoryReference,
        bias: TrainingParameters.Entry?, isFlipped: Bool, layer: String
    ) throws(EngineError) {
        let inputs = winograd.source.storedChannels, outputs = winograd.target.storedChannels
        let lanes = winograd.source.lanes
        let transformed = plan.temporary(byteCount: 36 * inputs * outputs * MemoryLayout<Float>.stride)
        let block = 9 * lanes * lanes
        plan.addLoop(outputs / lanes, { CK_winograd_blocked_weights($0, $1) }) { memory in
            // Of kernels turned round the outputs are the network's inputs, whose blocks lie side by side.
            CK_WinogradKernels(
                kernels: memory.floats(kernels), weights: memory.floats(transformed), inputs: Int64(inputs),
                outputs: Int64(outputs), lanes: Int64(lanes),
                output_stride: Int64(isFlipped ? block : inputs / lanes * block),
                input_stride: Int64(isFlipped ? outputs / lanes * block : block), is_flipped: isFlipped ? 1 : 0)
        }
        let shift = bias.map { plan.constant($0.values) } ?? plan.constant([Float](repeating: 0, count: outputs))
        plan.addWinograd(
            winograd, from: source, to: target, weights: transformed, bias: shift, adds: false, layer: layer)
    }

    /// The derivatives by kernel and bias.
    private func weightsGradient(
        _ work: ConvolutionReverse, _ gradient: MemoryReference, source: MemoryReference
    ) throws(EngineError) {
        var spec = work.spec
        let backward = try Primitive("dnnl_convolution_backward_weights (\(work.name))") {
            CDNN_convolution_backward_weights_create(plan.stream.handle, &spec, work.forward.handle, $0)
        }
        let made = try backward.layoutOrThrow(.weightsGradient)
        let kept = try work.weights.kernelLayoutOrThrow()
        let final = work.weights.gradient.map { plan.constant($0) }
        let isDirect = final != nil && CDNN_layout_equal(made.handle, kept.handle) != 0
        let target = isDirect ? final : plan.temporary(byteCount: made.byteCount)
        guard let target else { return }
        var arguments: [(Primitive.Role, MemoryReference)] = [
            (.source, plan.use(source)), (.destinationGradient, plan.use(gradient)),
            (.weightsGradient, target),
        ]
        if let bias = work.bias {
            let place = bias.gradient.map { plan.constant($0) } ?? plan.temporary(byteCount: bias.packing.byteCount)
            arguments.append((.biasGradient, place))
        }
        plan.append(backward, layer: work.name + " (weights gradient)", arguments)
        guard let final else { return }
        if !isDirect { try rearrange(target, made, to: final, kept, layer: work.name) }
        try mask(work.weights, final)
    }

    /// Zeros the derivatives of the zeros between merged groups, which are no parameters.
    private func mask(_ weights: TrainingParameters.Entry, _ gradient: MemoryReference) throws(EngineError) {
        guard case .kernel(let packing, _) = weights.packing, packing.needsMask else { return }
        let ones = [Float](repeating: 1, count: weights.parameter.shape.elementCount)
        let plain = try Layout(packing.axes, .plain)
        let mask = plan.constant(AlignedBuffer(byteCount: weights.packing.byteCount))
        let source = plan.constant(packing.filled(ones))
        try rearrange(source, plain, to: mask, try weights.kernelLayoutOrThrow(), layer: weights.parameter.name)
        pointwise(gradient, mask, into: gradient, count: weights.count) { CK_product($0, $1) }
    }

    /// Values in another layout: the same memory when the layouts agree, else rearranged in memory of this step.
    private func rearranged(
        _ from: MemoryReference, _ source: Layout, to target: Layout, layer: String
    ) throws(EngineError) -> MemoryReference {
        guard CDNN_layout_equal(source.handle, target.handle) == 0 else { return from }
        let memory = plan.temporary(byteCount: target.byteCount)
        try rearrange(from, source, to: memory, target, layer: layer)
        return memory
    }

    func rearrange(
        _ from: MemoryReference, _ source: Layout, to memory: MemoryReference, _ target: Layout, layer: String
    ) throws(EngineError) {
        let primitive = try Primitive("dnnl_reorder (\(layer))") {
            CDNN_reorder_create(plan.stream.handle, source.handle, target.handle, $0)
        }
        plan.append(
            primitive, layer: layer + " (rearrangement)",
            [(.source, plan.use(from)), (.destination, plan.use(memory))])
    }
}

/// What the reverse steps of a convolution need of the forward ones.
private struct ConvolutionReverse {
    let name: String
    let geometry: ConvolutionGeometry
    let spec: CDNN_convolution
    /// Keeps the layouts that `spec` points at.
    let layouts: (Layout, Layout)
    let forward: Primitive
    let weights: TrainingParameters.Entry
    let bias: TrainingParameters.Entry?
    let isWinograd: Bool
}

extension WinogradPlan {
    /// Kernels in blocks, outputs innermost: what the transformation reads.
    fileprivate func kernelLayout(_ geometry: ConvolutionGeometry) throws(EngineError) -> Layout {
        try Layout(geometry.weightAxes, source.lanes == 16 ? .kernel16i16o : .kernel8i8o)
    }
}

extension TrainingParameters.Entry {
    /// The layout of a kernel; nil for vectors.
    var kernelLayout: Layout? {
        if case .kernel(_, let layout) = packing { layout } else { nil }
    }

    func kernelLayoutOrThrow() throws(EngineError) -> Layout {
        guard let kernelLayout else {
            throw .library(
                call: "training plan", detail: "'\(parameter.name)' is used both as a kernel and as a vector")
        }
        return kernelLayout
    }
}

extension Primitive {
    /// The layout that the kernel chose for an argument it must have.
    func layoutOrThrow(_ role: Role) throws(EngineError) -> Layout {
        guard let layout = try layout(role) else {
            throw .library(call: "dnnl_primitive_desc_query", detail: "no layout for \(role)")
        }
        return layout
    }
}
