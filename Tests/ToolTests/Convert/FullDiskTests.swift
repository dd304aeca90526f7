// Converting onto a disk that fills up: an error that says so, and nothing left behind, whichever library writes.

import TestSupport
import Testing

@Suite struct FullDiskTests {
    @Test(arguments: [
        ("h5", "x.h5"), ("keras-h5", "x.h5"), ("weights.h5", "x.weights.h5"), ("keras", "x.keras"),
        ("safetensors", "x.safetensors"), ("pt", "x.pt"), ("npz", "x.npz"),
    ])
    func nothingIsLeftOfAFileThatDoesNotFit(format: String, name: String) throws {
        let folder = try TemporaryFolder()
        let source = "\(TestData.fixtures)/formats/keras/k3.keras"
        let out = folder.path + "/" + name
        // Room for nothing, for a header, and for a part of the values.
        for blocks in [0, 4, 20] {
            // The shell's own limit holds for what the test collects too, so that only the folder and the code tell.
            let run = try Running(
                ["convert", source, out, "--to", format], wrapper: "( ulimit -f \(blocks); \"$@\" >/dev/null 2>&1 )"
            ).finish(within: 60)
            #expect(run.code == 1, "\(blocks) blocks")
            #expect(folder.contents == [], "\(blocks) blocks")
        }
        let run = try Running(["convert", source, out, "--to", format], wrapper: "ulimit -f 20; \"$@\"").finish(
            within: 60)
        #expect(run.errors.hasSuffix("\(out): cannot write: File too large; make room there or name another place\n"))
        #expect(try Running(["convert", source, out, "--to", format]).finish(within: 60).code == 0)
        #expect(folder.contents == [name])
    }
}
