// Epoch and step from file names, as training code writes them: `epoch=3-step=1408.ckpt`, `model_epoch_05.weights.h5`,
// `ckpt-0005.pt`, `iter_160000.pth`, `checkpoint-1500/`.

/// What a checkpoint's name says about its place in training.
public struct CheckpointName: Sendable, Hashable {
    /// The epoch; nil when the name does not tell.
    public var epoch: Int?
    /// The optimizer step; nil when the name does not tell.
    public var step: Int?

    private static let epochWords: Set<String> = ["epoch", "epochs", "ep"]
    private static let stepWords: Set<String> = [
        "step", "steps", "iter", "iters", "iteration", "iterations", "it", "globalstep",
    ]
    /// Words after which a bare number counts checkpoints; after an architecture's name it would be its depth.
    private static let generalWords: Set<String> = [
        "ckpt", "ckp", "cp", "checkpoint", "chkpt", "model", "weights", "weight", "dict", "state", "snapshot", "save",
        "saved", "net", "network", "encoder", "backbone", "params", "pretrained",
    ]

    /// Reads the name of a file, and the folder's where the file's says nothing (`checkpoint-1500/model.safetensors`).
    ///
    /// An explicit word wins over a bare number, and the last such word over those before. What numbers the shards of one
    /// checkpoint (``Shard``) is no epoch.
    public init(_ path: String) { self.init(path, isOneOfMany: false) }

    /// - Parameter isOneOfMany: whether the other files are known, so that `model_00005.weights.h5` is no shard.
    private init(_ path: String, isOneOfMany: Bool) {
        let parts = path.split(separator: "/")
        guard let file = parts.last else { return }
        let (stem, isFile) = Self.stem(of: String(file))
        if isOneOfMany || Shard.kerasNumbered(String(file)) == nil {
            read(stem, isFile: isFile)
        } else {
            readWords(Self.tokens(stem))
        }
        if epoch == nil, step == nil, isFile, parts.count > 1 {
            // A folder's bare number may be anything; only its words count.
            let folder = Self.tokens(String(parts[parts.count - 2]))
            readWords(folder)
            if epoch == nil, step == nil { step = Self.number(after: ["checkpoint"], in: folder) }
        }
    }

    /// Reads the names of a sequence together: where words say nothing, the one number in which the names differ is
    /// the epoch (`unet_1.pt`, `unet_2.pt`…). Shards of one checkpoint are not to be among them.
    public static func sequence(_ paths: [String]) -> [CheckpointName] {
        var names = paths.map { CheckpointName($0, isOneOfMany: true) }
        guard paths.count > 1, names.allSatisfy({ $0.epoch == nil && $0.step == nil }) else { return names }
        let numbers = paths.map { path in
            tokens(stem(of: path.split(separator: "/").last.map { String($0) } ?? "").stem)
        }
        guard let first = numbers.first else { return names }
        var varying: Set<Int> = []
        for tokens in numbers {
            guard tokens.count == first.count else { return names }
            for (place, pair) in zip(tokens, first).enumerated() where pair.0 != pair.1 { varying.insert(place) }
        }
        guard varying.count == 1, let place = varying.first else { return names }
        let epochs = numbers.map { $0[place].number }
        guard !epochs.contains(nil), Set(epochs).count == epochs.count else { return names }
        for index in names.indices { names[index].epoch = epochs[index] }
        return names
    }

    private mutating func read(_ stem: String, isFile: Bool) {
        let tokens = Self.tokens(stem)
        readWords(tokens)
        guard epoch == nil, step == nil else { return }
        // Hugging Face names folders by step; files of the same name (MAE and others) count epochs.
        if !isFile, let number = Self.number(after: ["checkpoint"], in: tokens) {
            step = number
        } else if tokens.count == 1 {
            epoch = tokens[0].number
        } else {
            epoch = Self.number(after: Self.generalWords, in: tokens, needsSeparator: true)
        }
    }

    private mutating func readWords(_ tokens: [Token]) {
        epoch =
            Self.number(after: Self.epochWords, in: tokens) ?? Self.lettered("e", in: tokens)
            ?? Self.number(before: Self.epochWords, in: tokens)
        step = Self.number(after: Self.stepWords, in: tokens) ?? Self.number(before: Self.stepWords, in: tokens)
    }
}

extension CheckpointName {
    /// A run of letters, of digits, or of anything else.
    private struct Token: Equatable {
        enum Kind { case word, number, separator }
        let kind: Kind
        let text: String

        var number: Int? { kind == .number ? Int(text) : nil }

        /// Whether it may stand between a word and its number.
        var isLink: Bool { kind == .separator && text.allSatisfy { "=_-. :#".contains($0) } }
    }

    /// The name without what is known to be an extension and without a shard's number, and whether it had an extension.
    private static func stem(of file: String) -> (stem: String, isFile: Bool) {
        let extensions = [
            ".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".h5", ".hdf5", ".keras", ".npz", ".npy", ".weights",
            ".index", ".json", ".tar", ".pkl", ".model", ".zip",
        ]
        var stem = file[...]
        while let found = extensions.first(where: { stem.lowercased().hasSuffix($0) }), stem.count > found.count {
            stem = stem.dropLast(found.count)
        }
        let isFile = stem.count < file.count
        return (Shard.numbered(String(stem))?.base ?? String(stem), isFile)
    }

    private static func tokens(_ text: String) -> [Token] {
        var tokens: [Token] = []
        var run = ""
        var kind = Token.Kind.separator
        func isDigit(_ character: Character) -> Bool { character.isASCII && character.isNumber }
        for character in text {
            let next: Token.Kind = isDigit(character) ? .number : character.isLetter ? .word : .separator
            // camelCase begins a new word.
            let isHump = next == .word && kind == .word && character.isUppercase && run.last?.isLowercase == true
            if next != kind || isHump {
                if !run.isEmpty { tokens.append(Token(kind: kind, text: run)) }
                run = ""
                kind = next
            }
            run.append(character)
        }
        if !run.isEmpty { tokens.append(Token(kind: kind, text: run)) }
        return tokens
    }

    /// The number after the last of the words, as in `epoch_20` or `step-10k`.
    private static func number(
        after words: Set<String>, in tokens: [Token], needsSeparator: Bool = false
    ) -> Int? {
        for index in tokens.indices.reversed()
        where tokens[index].kind == .word && words.contains(tokens[index].text.lowercased()) {
            var next = index + 1
            if next < tokens.count, tokens[next].isLink { next += 1 } else if needsSeparator { continue }
            guard next < tokens.count, let number = tokens[next].number else { continue }
            guard next + 1 < tokens.count, tokens[next + 1].kind == .word else { return number }
            // Thousands; another letter makes it something else, such as `model_3d`.
            if ["k", "K"].contains(tokens[next + 1].text) {
                let (thousands, overflow) = number.multipliedReportingOverflow(by: 1000)
                return overflow ? nil : thousands
            }
            if !needsSeparator { return number }
        }
        return nil
    }

    /// The number right before one of the words, as in `300ep`.
    private static func number(before words: Set<String>, in tokens: [Token]) -> Int? {
        for index in tokens.indices.dropFirst().reversed()
        where tokens[index].kind == .word && words.contains(tokens[index].text.lowercased()) {
            if let number = tokens[index - 1].number { return number }
        }
        return nil
    }

    /// A letter of its own with digits right behind, as in `model-v2-e17`.
    private static func lettered(_ letter: String, in tokens: [Token]) -> Int? {
        for index in tokens.indices.reversed()
        where tokens[index].kind == .word && tokens[index].text.lowercased() == letter {
            guard index == 0 || tokens[index - 1].isLink, index + 1 < tokens.count,
                let number = tokens[index + 1].number, index + 2 >= tokens.count || tokens[index + 2].kind != .word
            else { continue }
            return number
        }
        return nil
    }
}
