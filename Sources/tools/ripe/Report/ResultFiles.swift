// What every command that scores leaves in its folder.

import Analyzer
import Formats

/// The files of a scoring: scores.json, .csv and .svg, sample views, run.json, report.html and report.json.
struct ResultFiles {
    let recorder: RunRecorder
    /// What was scored on.
    let source: any ViewSource

    /// What is said at the end.
    static let closing = "scores.json, scores.csv, scores.svg, report.html (open it in a browser)"

    /// Writes everything; the scores first, so that whatever fails later does not take them with it.
    ///
    /// - Parameter hasViews: whether the sample views are there already.
    func write(_ report: ScoreReport, to folder: String, hasViews: Bool = false) throws(FormatError) {
        try report.write(to: folder)
        if !hasViews {
            // Images that are gone by now are no reason to have no report.
            do throws(AnalyzerError) { try SampleViews.write(source, to: folder) } catch {
                if case .format(let error) = error, case .system(action: "write", _) = error.reason { throw error }
                Console.note("ripe: the report shows no sample images: \(error)")
            }
        }
        try RunReport.write(in: folder, record: recorder.record)
    }
}
