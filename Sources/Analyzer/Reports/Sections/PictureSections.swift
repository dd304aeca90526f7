// Pictures in the page: sample images with their views, and overlays of truth and prediction.

/// Groups pictures by what they show.
enum PictureSections {
    /// Sample images: the image and its two views side by side.
    static func samples(_ pictures: [ReportFiles.Picture]) -> PageValue? {
        var groups: [(name: String, pictures: [(kind: String, picture: ReportFiles.Picture)])] = []
        for picture in pictures {
            let words = picture.name.split(separator: " ")
            guard words.count > 1, let kind = words.last, let title = titles[String(kind)] else { continue }
            // "3 brain_004 view1": a number for the order, a name, a kind.
            let name = words.dropLast().joined(separator: " ")
            if let index = groups.firstIndex(where: { $0.name == name }) {
                groups[index].pictures.append((title, picture))
            } else {
                groups.append((name, [(title, picture)]))
            }
        }
        guard !groups.isEmpty else { return nil }
        return .list(
            groups.map { group in
                let shown = group.name.drop { $0.isNumber }.drop { $0 == " " }
                let name = shown.isEmpty ? group.name : String(shown)
                return .object([
                    "name": .text(name),
                    "pictures": .list(
                        group.pictures.map { kind, picture in
                            .object([
                                "kind": .text(kind), "image": image(picture, "\(name), \(kind)"),
                            ])
                        }),
                ])
            })
    }

    private static let titles = ["image": "image", "view1": "first view", "view2": "second view"]

    /// Overlays with their names.
    static func overlays(_ pictures: [ReportFiles.Picture]) -> PageValue? {
        guard !pictures.isEmpty else { return nil }
        return .list(
            pictures.map { picture in
                .object([
                    "name": .text(picture.name),
                    "image": image(picture, "\(picture.name): true masks on the left, predicted masks on the right"),
                ])
            })
    }

    /// Which colour of an overlay is which class.
    static func key(_ classes: [String]) -> PageValue? {
        guard !classes.isEmpty else { return nil }
        return .list(
            classes.prefix(RunReport.pictureLimit).enumerated().map { index, name in
                let color = OverlayPalette.color(of: index + 1)
                return .object([
                    "name": .text(name), "color": .text("rgb(\(color.red),\(color.green),\(color.blue))"),
                ])
            })
    }

    private static func image(_ picture: ReportFiles.Picture, _ words: String) -> PageValue {
        .object([
            "address": .markup(picture.address), "words": .text(words), "width": .text("\(picture.width)"),
            "height": .text("\(picture.height)"),
        ])
    }
}
