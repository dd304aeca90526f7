// Every failure ends with what to do.

import Formats
import Testing

@Suite("Format errors") struct FormatErrorTests {
    @Test(arguments: [
        (
            FormatError.Reason.truncated(section: "header", offset: 8, expected: 9, found: 1),
            "header at byte 8 is cut short: 9 bytes expected, 1 found; copy or download the file again"
        ),
        (
            .invalid(section: "tensor 'w'", expected: "an object", found: "a list"),
            "tensor 'w': expected an object, found a list; save the file anew, or copy it again"
        ),
        (
            .invalid(section: "trailer", offset: 3, expected: "1", found: "2: the data is damaged; copy it again"),
            "trailer at byte 3: expected 1, found 2: the data is damaged; copy it again"
        ),
        (
            .library(call: "H5Oopen('layers')", detail: "unable to open object"),
            "H5Oopen('layers') failed: unable to open object; the file is damaged, save or copy it again"
        ),
        (
            .missingTensor(name: "w", available: 3),
            "no tensor named 'w' among its 3; 'ripe inspect' lists them"
        ),
        (.unrecognized(found: "this is a web page", advice: "fetch it"), "this is a web page; fetch it"),
    ])
    func endWithWhatToDo(reason: FormatError.Reason, words: String) {
        #expect("\(FormatError("a.pt", reason))" == "a.pt: \(words)")
    }
}
