// Descriptions out of legacy files name classes only (`"class_name": "Conv2D"`); archives say where each is defined, and
// Keras finds none without that.

/// The description of an archive: the given one, with the modules of Keras' own layers where it has none.
///
/// - Throws: ``FormatError`` with `.invalid` when it is no JSON.
func kerasArchiveConfig(_ text: String, path: String) throws(FormatError) -> String {
    let json = try JSON(text, path: path, section: "Keras configuration")
    let complete = withModules(json)
    return complete == json ? text : complete.text()
}

/// Where Keras 3 defines what is no layer of its public modules.
private let kerasModules = [
    "Functional": "keras.src.models.functional", "Model": "keras.src.models.functional",
    "Sequential": "keras.src.models.sequential", "LayerScale": "keras.src.applications.convnext",
]

/// A layer's entry with its module, and those of the layers inside it.
private func withModules(_ entry: JSON) -> JSON {
    guard var members = entry.members, let name = entry["class_name"]?.string else { return entry }
    members = members.map { member in
        member.key == "config" ? JSON.Member(key: "config", value: withInnerModules(member.value)) : member
    }
    // Registered classes (`package>Name`) are found by that name.
    if entry["module"] == nil, !name.contains(">") {
        let known = kerasModules[name]
        members.insert(JSON.Member(key: "module", value: .string(known ?? "keras.layers")), at: 0)
        if entry["registered_name"] == nil {
            members.append(JSON.Member(key: "registered_name", value: known == nil ? .null : .string(name)))
        }
    }
    return .object(members)
}

/// A layer's settings with the modules of the layers in them.
private func withInnerModules(_ config: JSON) -> JSON {
    guard let members = config.members else { return config }
    return .object(
        members.map { member in
            switch member.key {
            case "layers":
                JSON.Member(
                    key: "layers", value: member.value.array.map { .array($0.map(withModules)) } ?? member.value)
            case "layer", "backward_layer": JSON.Member(key: member.key, value: withModules(member.value))
            default: member
            }
        })
}
