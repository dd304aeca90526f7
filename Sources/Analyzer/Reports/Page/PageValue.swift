// What the page's template is filled with.

import Formats

/// A value for the template. Text is escaped by the template library; markup is ours and goes in as it is.
enum PageValue {
    /// Text, from wherever.
    case text(String)
    /// HTML or SVG that this module made, with everything from files escaped in it.
    case markup(String)
    /// Whether a part is shown.
    case flag(Bool)
    /// Parts that are repeated.
    case list([PageValue])
    /// Named values.
    case object([String: PageValue])

    /// Named values; nil ones are false, so that the template does not find the like-named value of an enclosing part.
    static func object(_ members: KeyValuePairs<String, PageValue?>) -> PageValue {
        .object(Dictionary(members.map { ($0.key, $0.value ?? .flag(false)) }) { $1 })
    }

    /// Texts.
    static func texts(_ texts: [String]) -> PageValue { .list(texts.map(PageValue.text)) }

    /// What the template library takes.
    var content: Any {
        switch self {
        case .text(let text): Self.separated(text)
        case .markup(let text): text
        case .flag(let value): value
        case .list(let elements): elements.map(\.content)
        case .object(let members): members.mapValues(\.content)
        }
    }

    /// Makes text safe for an escaper that looks at whole characters, as the template library's does.
    ///
    /// A quote with a combining mark behind it is one character, which that escaper does not know; it would leave the quote
    /// as it is and thereby end an attribute. A dotted circle, the usual bearer of marks that stand alone, parts the two.
    static func separated(_ text: String) -> String {
        // Control and formatting characters, which could hide or reorder text, are spelled out.
        let visible = printable(text)
        guard visible.contains(where: { isJoined($0) }) else { return visible }
        var result = ""
        for character in visible {
            guard isJoined(character) else {
                result.append(character)
                continue
            }
            for scalar in character.unicodeScalars {
                let isSpecial = special.contains(scalar)
                if isSpecial { result += "\u{25CC}" }
                result.unicodeScalars.append(scalar)
                if isSpecial { result += "\u{25CC}" }
            }
        }
        return result
    }

    private static let special: Set<Unicode.Scalar> = ["<", ">", "&", "\"", "'"]

    private static func isJoined(_ character: Character) -> Bool {
        let scalars = character.unicodeScalars
        return scalars.count > 1 && scalars.contains { special.contains($0) }
    }
}
