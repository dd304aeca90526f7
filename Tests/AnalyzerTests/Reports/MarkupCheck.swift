// A strict look at HTML: every tag closed in order, every attribute quoted, every identifier unique.

/// What is in a page.
struct MarkupCheck {
    private(set) var problems: [String] = []
    private(set) var identifiers: [String] = []
    private(set) var elements: [String: Int] = [:]
    /// The text outside of tags, style sheet included.
    private(set) var text = ""

    private static let voids: Set<String> = ["meta", "link", "img", "br"]

    init(_ html: String) {
        var open: [String] = []
        var rest = html.unicodeScalars[...]
        while let start = rest.firstIndex(of: "<") {
            text += String(rest[..<start])
            guard let end = rest[start...].firstIndex(of: ">") else {
                problems.append("a tag without an end")
                return
            }
            let tag = String(rest[rest.index(after: start)..<end])
            rest = rest[rest.index(after: end)...]
            take(tag, &open)
        }
        text += String(rest)
        if !open.isEmpty { problems.append("never closed: \(open)") }
        if Set(identifiers).count != identifiers.count { problems.append("an identifier occurs twice") }
    }

    private mutating func take(_ tag: String, _ open: inout [String]) {
        if tag.hasPrefix("!DOCTYPE") { return }
        if tag.hasPrefix("/") {
            let name = String(tag.dropFirst())
            if open.popLast() != name { problems.append("</\(name)> closes another element") }
            return
        }
        let isClosed = tag.hasSuffix("/")
        let body = isClosed ? tag.dropLast() : tag[...]
        let name = String(body.prefix { $0 != " " })
        elements[name, default: 0] += 1
        attributes(body.dropFirst(name.count), of: name)
        if !isClosed, !Self.voids.contains(name) { open.append(name) }
    }

    private mutating func attributes(_ text: Substring, of element: String) {
        var rest = text.drop { $0 == " " }
        while !rest.isEmpty {
            let name = rest.prefix { $0.isLetter || $0 == "-" || $0.isNumber }
            rest = rest.dropFirst(name.count)
            guard !name.isEmpty, rest.hasPrefix("=\"") else {
                problems.append("<\(element)\(text)>: expected a quoted attribute")
                return
            }
            rest = rest.dropFirst(2)
            let value = rest.prefix { $0 != "\"" }
            if value.contains("<") { problems.append("<\(element)>: < in \(name)") }
            if name == "id" { identifiers.append(String(value)) }
            if name.hasPrefix("on") { problems.append("<\(element)> has a script: \(name)") }
            rest = rest.dropFirst(value.count)
            guard rest.hasPrefix("\"") else {
                problems.append("<\(element)>: \(name) is not closed")
                return
            }
            rest = rest.dropFirst().drop { $0 == " " }
        }
    }
}
