// The command's first words, its help, and how it ends.

import Testing

@Suite struct Starting {
    @Test func withoutArgumentsItSaysWhatItDoesAndTheFirstCommands() throws {
        let run = try ripe()
        #expect(run.code == 0)
        #expect(
            run.output == """
                ripe scores a folder of pretraining checkpoints on your target images, says which one to take, and fine-tunes it.

                  ripe score RUNS --target IMAGES            score every checkpoint, show the curve, recommend one
                  ripe finetune CHECKPOINT --target TRAIN    train a segmentation network on its encoder (needs --out)
                  ripe run RUNS --target TRAIN --out DIR     both, one after the other, and evaluate
                  ripe predict MODEL IMAGES --out DIR        segment images with the result
                  ripe convert IN OUT                        another format, or another code base's names (--dialect)
                  ripe inspect FILE                          say what a checkpoint or image file is and what it holds

                'ripe --help' lists all commands, 'ripe help score' explains one.

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
