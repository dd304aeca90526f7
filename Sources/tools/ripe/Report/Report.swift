// `ripe report`: makes the report of a folder of results anew.

import Analyzer
import ArgumentParser
import Formats

/// Writes report.html and report.json.
struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make the HTML report of a folder of results.",
        discussion: """
            Takes the --out folder of 'ripe score', 'ripe watch', 'ripe run' or 'ripe finetune', which write the report \
            themselves at their end, and makes report.html and report.json of what it holds. The page needs nothing but a \
            browser: no network, no script. Damaged files are left out, and the page says so.
            """)

    @Argument(help: "A folder of results.", completion: .directory)
    var folder: String

    @Option(
        help: ArgumentHelp(
            "Where the page goes; the numbers go beside it. (default: report.html in the folder)",
            valueName: "file.html"),
        completion: .file(extensions: ["html"]))
    var out: String?

    @Flag(help: "Print the content of report.json and write nothing.")
    var json = false

    func validate() throws {
        guard out.map({ $0.hasSuffix(".html") }) ?? true else { throw ValidationError("--out must end in .html") }
        guard !(json && out != nil) else { throw ValidationError("--json writes nothing; leave --out away") }
    }

    func run() throws {
        if json {
            try Console.write(try RunReport(folder).json.text())
            return
        }
        let report = try RunReport.write(in: folder, page: out)
        for note in report.notes { Console.note("ripe: \(note)") }
        try Console.write("Written: \(printable(out ?? folder + "/report.html")) (open it in a browser)")
    }
}
