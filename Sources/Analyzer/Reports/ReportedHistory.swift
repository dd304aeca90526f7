// What history.csv says, read back for the learning curves.

import Formats

/// A training's table of epochs.
struct ReportedHistory {
    /// Where it is from, such as "fold 2"; empty for the only one.
    var title = ""
    /// The columns' names in order.
    let columns: [String]
    /// [epoch][column]; nil for what was undefined.
    let rows: [[Double?]]

    /// The most epochs that are read.
    static let rowLimit = 100_000

    /// Reads a table with a header.
    ///
    /// - Throws: ``FormatError`` with `.invalid` for rows of another length, and for a table without an epoch or a loss.
    init(csv text: String, path: String = "history.csv") throws(FormatError) {
        var lines = CSV.rows(text)
        guard let header = lines.first, header.contains("epoch"), header.contains("loss") else {
            throw FormatError(
                path, .invalid(section: "header", expected: "epoch, loss and more", found: "another table"))
        }
        lines.removeFirst()
        guard lines.count <= Self.rowLimit else {
            throw FormatError(
                path,
                .limitExceeded(what: "its length", claimed: "\(lines.count) rows", limit: "\(Self.rowLimit) rows"))
        }
        for (index, line) in lines.enumerated() where line.count != header.count {
            throw FormatError(
                path,
                .invalid(
                    section: "row \(index + 2)", expected: "\(header.count) fields", found: "\(line.count)"))
        }
        columns = header
        rows = lines.map { $0.map { Double($0).flatMap { $0.isFinite ? $0 : nil } } }
    }

    /// A column's values; nil when there is none of that name or all of it is empty.
    func column(_ name: String) -> [Double?]? {
        guard let index = columns.firstIndex(of: name) else { return nil }
        let values = rows.map { $0[index] }
        return values.contains { $0 != nil } ? values : nil
    }

    /// The table as JSON: a list of numbers for each column.
    var json: JSON {
        .object(
            [JSON.Member(key: "title", value: .string(title))]
                + columns.enumerated().map { index, name in
                    .init(key: name, value: .array(rows.map { $0[index].map(JSON.real) ?? .null }))
                })
    }
}
