// The command's first words, its help, and how it ends.

import Testing

@Suite struct Starting {
    @Test func withoutArgumentsItSaysInTenLinesWhatItIsAndThreeCommandsToTry() throws {
        let run = try ripe()
        #expect(run.code == 0)
        #expect(
            run.output == """
                Ripe scores the checkpoints of a pretraining on the images that you want to segment, without labels and without
                training. It says which one to take and how sure that is, and fine-tunes only that one.

                  ripe score RUNS --target IMAGES          score a folder of checkpoints, show the curve, recommend one
                  ripe watch RUNS --target IMAGES          the same while pretraining still runs; says when to stop
                  ripe run RUNS --target TRAIN --out DIR   score, then fine-tune the recommended one and evaluate it

                'ripe --help' lists all commands, such as convert, predict and inspect; 'ripe help score' explains one.
                'ripe doctor' checks this machine.

                """)
        #expect(run.errors == "")
    }

    @Test func versionIsOneLine() throws {
        let run = try ripe("--version")
        #expect(run.code == 0)
        #expect(run.output == "0.1.0\n")
    }

    @Test(arguments: [
        (["scoer"], "ripe: Unexpected argument 'scoer' (see 'ripe --help')\n"),
        (["inspect"], "ripe: Missing expected argument '<file>' (see 'ripe help inspect')\n"),
        (
            ["inspect", "a.pt", "--jsn"],
            "ripe: Unknown option '--jsn'. Did you mean '--json'? (see 'ripe help inspect')\n"
        ),
    ])
    func wrongUsageIsOneLineAndCode64(arguments: [String], message: String) throws {
        let run = try Running(arguments).finish()
        #expect(run.code == 64)
        #expect(run.errors == message)
        #expect(run.output == "")
    }

    @Test func aFullDiskUnderTheOutputIsSaid() throws {
        let run = try ripe("--help", wrapper: "\"$@\" >/dev/full")
        #expect(run.code == 1)
        #expect(run.errors == "ripe: standard output: cannot write: No space left on device\n")
    }

    @Test func aReaderThatLeavesEndsItQuietly() throws {
        let run = try ripe("--help", wrapper: "{ \"$@\"; echo \"code $?\" >&2; } | true")
        #expect(!run.errors.contains("ripe:"))
    }
}
