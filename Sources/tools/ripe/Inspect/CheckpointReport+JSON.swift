// The same report for programs.

import Engine
import Formats

extension CheckpointReport {
    /// Everything the text says, with a schema name.
    var json: JSON {
        let metadata = reader.metadata
        return .object([
            "schema": .string("ripe.inspect/1"),
            "kind": .string("checkpoint"),
            "path": .string(reader.path),
            "format": .string(reader.format),
            "bytes": .integer(fileBytes),
            "writer": metadata.writer.map(JSON.string),
            "wrapper": .strings(metadata.wrapper),
            "strippedPrefix": .string(metadata.strippedPrefix),
            "epoch": metadata.epoch.map(JSON.integer),
            "step": metadata.step.map(JSON.integer),
            "nameEpoch": name.epoch.map(JSON.integer),
            "nameStep": name.step.map(JSON.integer),
            "shard": shard.map {
                .object([
                    "number": .integer($0.number), "count": .integer($0.count), "index": .string($0.index),
                    "hasIndex": .bool($0.hasIndex),
                ])
            },
            "architecture": architectureJSON,
            "tensorCount": .integer(reader.tensors.count),
            "tensorBytes": .integer(storage.tensorBytes),
            "sharedBytes": .integer(storage.sharedBytes),
            "unusedBytes": .integer(metadata.unusedBytes),
            "otherTensorCount": .integer(metadata.otherTensorCount),
            "otherTensorBytes": .integer(metadata.otherTensorBytes),
            "entries": .array(
                metadata.entries.map { .object(["key": .string($0.key), "value": .string($0.value)]) }),
            "aliases": .object(
                metadata.aliases.sorted { $0.key < $1.key }.map { JSON.Member(key: $0.key, value: .string($0.value)) }),
            "foreignCalls": .array(
                metadata.foreignCalls.map {
                    .object([
                        "name": .string($0.name), "arguments": .string($0.arguments),
                        "isDangerous": .bool($0.isDangerous),
                    ])
                }),
            "warnings": .strings(metadata.warnings),
            "tensors": .array(reader.tensors.map(tensorJSON)),
        ])
    }

    private var architectureJSON: JSON {
        switch network {
        case .success(let network):
            .object([
                "name": .string(network.architecture),
                "family": .string(network.family),
                "evidence": .string(network.evidence),
                "inputChannels": .integer(network.expectedInputChannels),
                "normalization": .string(network.normalization.name),
                "levels": .integer(network.graph.levels.count),
                "facts": .object(network.facts.map { JSON.Member(key: $0.key, value: .string($0.value)) }),
                "notNeeded": .array(
                    network.ignored.map { .object(["tensor": .string($0.name), "reason": .string($0.reason)]) }),
            ])
        case .failure(let error): .object(["error": .string("\(error)")])
        }
    }

    private func tensorJSON(_ tensor: TensorInfo) -> JSON {
        .object([
            "name": .string(tensor.name),
            "dtype": .string("\(tensor.dtype)"),
            "shape": .integers(tensor.shape.axes),
            "layout": .string(tensor.layout),
            "strides": tensor.strides.map(JSON.integers),
            "bytes": .integer(tensor.byteCount),
            "storage": .string(tensor.storage.key),
            "offset": .integer(tensor.storage.byteOffset),
            "isShared": .bool(storage.sharingNames.contains(tensor.name)),
        ])
    }
}
