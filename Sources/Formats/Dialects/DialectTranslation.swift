// Translating a recognised network from one dialect to another: names, layouts, and what one of them lacks.

/// What a translation is to do.
public struct DialectOptions: Sendable {
    /// Adds the difference of the normalisation layers' epsilons to the running variances, so that the network computes
    /// the same under the target's epsilon.
    public var foldsEpsilon = false
    /// Reverses the first convolution's input channels, from BGR to RGB or back.
    public var reversesInput = false
    /// Leaves out the classification head.
    public var dropsHead = false

    /// Translates and nothing else.
    public init() {}
}

/// A translated checkpoint and what there is to say about it.
public struct DialectTranslation: Sendable {
    /// The tensors in the target's names and layouts.
    public var draft: CheckpointDraft
    /// The network in words, such as "ResNet, bottleneck blocks 3-4-6-3".
    public var network: String
    /// In whose names the source was, and below which prefix.
    public var source: Dialect, prefix: String
    /// What was changed, made or left out, one sentence each.
    public var notes: [String] = []
    /// What the user must know to get the same outputs, such as where strides are.
    public var warnings: [String] = []

    /// Recognises a draft's network and translates it.
    ///
    /// - Parameters:
    ///   - makesKerasModel: whether the target holds a network description, which then carries the source's epsilon,
    ///     strides and padding.
    ///   - path: the source, for errors.
    /// - Throws: ``FormatError`` with `.unrecognized` for a network that no dialect is known for, `.unsupported` when the
    ///   target has no place for a tensor or does not have the network, `.invalid` for a tensor whose shape does not fit.
    public init(
        _ draft: CheckpointDraft, to target: Dialect, options: DialectOptions = DialectOptions(),
        makesKerasModel: Bool = false, path: String
    ) throws(FormatError) {
        let match = try DialectMatch(draft, path: path)
        var translator = DialectTranslator(match: match, target: target, options: options, path: path)
        try translator.checkTarget()
        try translator.checkUnmatched()
        try translator.translate()
        try translator.describe(draft, makesKerasModel: makesKerasModel)
        self.draft = translator.draft
        network = "\(match.table.title), \(match.table.sizes)"
        source = match.dialect
        prefix = match.prefix
        notes = translator.notes
        warnings = translator.warnings
    }
}

/// The work of one translation.
struct DialectTranslator {
    let match: DialectMatch
    let target: Dialect
    let options: DialectOptions
    let path: String
    var draft = CheckpointDraft(tensors: [])
    var notes: [String] = []
    var warnings: [String] = []
    /// Biases that a running mean takes up, by that mean's place in the table.
    var absorbed: [Int: DraftTensor] = [:]
    private var dropped: [String: Int] = [:]

    init(match: DialectMatch, target: Dialect, options: DialectOptions, path: String) {
        self.match = match
        self.target = target
        self.options = options
        self.path = path
    }

    /// The network must be one that the target has.
    func checkTarget() throws(FormatError) {
        guard !match.table.dialects.contains(target) else { return }
        let others = match.table.dialects.map(\.rawValue).joined(separator: ", ")
        throw FormatError(
            path,
            .unsupported(
                feature: "\(match.table.title) (\(match.table.sizes)) in the dialect '\(target.rawValue)'",
                advice: "that code has no such network; dialects that have it: \(others)"))
    }

    /// Nothing is lost without a word: tensors of no known place stop the translation.
    func checkUnmatched() throws(FormatError) {
        guard let first = match.unmatched.first else { return }
        let count = match.unmatched.count
        let names = match.unmatched.prefix(4).map { "'\(printable($0.name))'" }.joined(separator: ", ")
        let common = match.prefix.isEmpty ? "" : " --only '\(match.prefix)*'"
        throw FormatError(
            path,
            .unsupported(
                feature: "\(count) tensor\(count == 1 ? "" : "s") beside the \(match.table.title) "
                    + "(\(names)\(count > 4 ? ", …" : "")) in the dialect '\(target.rawValue)'",
                advice: common.isEmpty
                    ? "leave \(count == 1 ? "it" : "them") out with --only, such as --only '!\(first.name)'"
                    : "leave \(count == 1 ? "it" : "them") out with\(common)"))
    }

    /// Goes through the table and makes the target's tensors.
    mutating func translate() throws(FormatError) {
        collectAbsorbed()
        var dtype = DType.float32
        for (index, variable) in match.table.variables.enumerated() {
            let name = outputName(variable)
            let source = match.tensors[index]
            if options.dropsHead, variable.isHead {
                if source != nil { dropped["the classification head", default: 0] += 1 }
                continue
            }
            switch (source, name) {
            case (let source?, let name?):
                if source.dtype.isFloatingPoint { dtype = source.dtype }
                draft.tensors.append(try translated(source, as: name, variable, index: index))
            case (let source?, nil): try drop(source, variable)
            case (nil, let name?):
                guard let made = try made(variable, name: name, like: dtype) else { continue }
                draft.tensors.append(made)
            case (nil, nil): break
            }
        }
        for (what, count) in dropped.sorted(by: { $0.key < $1.key }) {
            notes.append("left out: \(what) (\(count) tensor\(count == 1 ? "" : "s"))")
        }
    }

    /// The name in the target's files; the paper's networks lie below `layers.0.`.
    private func outputName(_ variable: DialectVariable) -> String? {
        variable.name(in: target).map { target == .seed ? "layers.0.\($0)" : $0 }
    }

    /// Biases that the target has no place for, and the running means that take them up.
    private mutating func collectAbsorbed() {
        for (index, variable) in match.table.variables.enumerated() {
            if let bias = match.tensors[index], variable.name(in: target) == nil, let mean = variable.absorber {
                absorbed[mean] = bias
            }
        }
        if !absorbed.isEmpty {
            notes.append(
                "\(absorbed.count) convolution biases, which \(target.rawValue) does not have, were subtracted from the "
                    + "running means of the BatchNorms after them")
        }
    }

    private mutating func drop(_ source: DraftTensor, _ variable: DialectVariable) throws(FormatError) {
        if variable.absorber != nil { return }
        if let what = variable.droppable {
            dropped[what, default: 0] += 1
        } else if variable.isHead {
            dropped["the classification head, which \(target.rawValue) encoders do not have", default: 0] += 1
        } else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "tensor '\(printable(source.name))' in the dialect '\(target.rawValue)'",
                    advice: "it has no place there; choose another dialect"))
        }
    }

    /// The tensor under its new name, laid out as the target has it.
    private func translated(
        _ source: DraftTensor, as name: String, _ variable: DialectVariable, index: Int
    ) throws(FormatError) -> DraftTensor {
        guard
            let rearrangement = TensorRearrangement(variable, shape: source.shape, from: match.dialect, to: target)
        else {
            throw FormatError(
                path,
                .invalid(
                    section: "tensor '\(printable(source.name))'",
                    expected: "a shape that fits '\(name)' of \(target.rawValue)", found: "\(source.shape)"))
        }
        var changes: [@Sendable (TensorView) throws(FormatError) -> TensorView] = []
        if options.reversesInput, variable.isFirstKernel {
            let axis = match.dialect.isPyTorch ? 1 : 2
            let reverse = { @Sendable (view: TensorView) throws(FormatError) in view.reversed(axis: axis) }
            changes.append(reverse)
        }
        if let bias = absorbed[index] { changes.append(try subtracting(bias, from: source)) }
        let epsilon = epsilonToFold
        if epsilon != 0, variable.isRunningVariance {
            changes.append(try adding(Float(epsilon), to: source))
        }
        let all = changes
        return DraftTensor(
            name: name, dtype: source.dtype, shape: rearrangement.result, tie: changes.isEmpty ? source.tie : nil
        ) { () throws(FormatError) in
            var view = try source.read()
            for change in all { view = try change(view) }
            return rearrangement(view)
        }
    }

    /// A variable that only the target has; nil for what may stay away.
    private func made(_ variable: DialectVariable, name: String, like dtype: DType) throws(FormatError) -> DraftTensor?
    {
        let view: TensorView
        switch variable.filling {
        case .none: return nil
        case .zeros(let type, let shape):
            let type = type.isFloatingPoint ? dtype : type
            guard let count = type.byteCount(of: shape.elementCount) else { return nil }
            view = TensorView(dtype: type, shape: shape, bytes: Bytes(copying: [UInt8](repeating: 0, count: count)))
        case .values(let values): view = TensorView(floats: values, shape: [values.count])
        case .relativePositionIndex(let window):
            let index = relativePositionIndex(window: window)
            view = TensorView(dtype: .int64, shape: [index.count], bytes: Bytes(copying: index))
        }
        return DraftTensor(name: name, dtype: view.dtype, shape: view.shape) { () throws(FormatError) in view }
    }
}

/// torchvision's index buffer: for each pair of positions in a window the row of the bias table (flattened).
private func relativePositionIndex(window: Int) -> [Int64] {
    var index: [Int64] = []
    index.reserveCapacity(window * window * window * window)
    for query in 0..<window * window {
        for key in 0..<window * window {
            let rows = query / window - key / window + window - 1
            let columns = query % window - key % window + window - 1
            index.append(Int64(rows * (2 * window - 1) + columns))
        }
    }
    return index
}
