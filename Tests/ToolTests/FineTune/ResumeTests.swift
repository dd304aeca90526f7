// Runs that are killed, interrupted or damaged, and go on to the weights of a run that was not.

import Formats
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@Suite struct ResumeTests {
    private let target: SquaresTarget
    private let model = "model_last.safetensors"

    init() throws { target = try SquaresTarget() }

    private func undisturbed(_ more: String...) throws -> Data {
        let out = target.out + "-whole"
        let run = try ripe(target.arguments(out: out) + more)
        #expect(run.code == 0, "\(run.errors)")
        return try target.bytes(model, in: out)
    }

    private var states: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: target.out + "/state")) ?? []).sorted()
    }

    /// Waits until so many state files were written, or a minute.
    private func wait(forState prefix: String) {
        let deadline = ContinuousClock.now + .seconds(120)
        while !states.contains(where: { $0.hasPrefix(prefix) }), ContinuousClock.now < deadline { usleep(2000) }
    }

    @Test func aRunKilledAgainAndAgainEndsWithTheSameWeights() throws {
        let whole = try undisturbed("--ema", "0.9", "--drop-path", "0.2")
        let more = ["--ema", "0.9", "--drop-path", "0.2"]
        // Killed at once, in the first epoch, after it, and while the second is on its way.
        for (round, pause) in [30_000, 400_000, 900_000, 1_500_000].enumerated() {
            let running = try Running(target.arguments() + more + (round > 0 ? ["--resume"] : []))
            if round == 2 { wait(forState: "epoch_00001") } else { usleep(UInt32(pause)) }
            running.signal(SIGKILL)
            #expect(try running.finish().code != 64)
        }
        let last = try ripe(target.arguments() + more + ["--resume"])
        #expect(last.code == 0, "\(last.errors)")
        #expect(try target.bytes(model) == whole)
        #expect(try target.column("epoch") == [1, 2, 3])
    }

    @Test func aRunInterruptedInTheMiddleOfAnEpochGoesOnThere() throws {
        let whole = try undisturbed("--batch", "1", "--accumulate", "2")
        let more = ["--batch", "1", "--accumulate", "2"]
        let running = try Running(target.arguments() + more)
        wait(forState: "epoch_00001")
        running.signal(SIGINT)
        let stopped = try running.finish()
        #expect(stopped.code == 130)
        #expect(stopped.errors.contains("the same command with --resume goes on from there"))
        let last = try ripe(target.arguments() + more + ["--resume"])
        #expect(last.code == 0, "\(last.errors)")
        #expect(last.output.contains("  going on after epoch 1"), "\(last.output)")
        #expect(try target.bytes(model) == whole)
    }

    @Test func aDamagedStateIsToldAndTheRunGoesOnFromTheOneBefore() throws {
        let whole = try undisturbed()
        #expect(try ripe(target.arguments()).code == 0)
        let newest = target.out + "/state/" + (try #require(states.last))
        var bytes = try Data(contentsOf: URL(filePath: newest))
        bytes[bytes.count / 2] ^= 4
        try bytes.write(to: URL(filePath: newest))
        let run = try ripe(target.arguments() + ["--resume"])
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.contains("is not used") && run.output.contains("going on after epoch 2"), "\(run.output)")
        #expect(try target.bytes(model) == whole)
    }

    @Test func anEarlierRunIsNeitherOverwrittenNorContinuedWithOtherSettings() throws {
        #expect(try ripe(target.arguments("--epochs", "1")).code == 0)
        let again = try ripe(target.arguments("--epochs", "1"))
        #expect(
            again.errors
                == "ripe: --out \(target.out): it holds an earlier run (model.safetensors); --resume goes on with it, "
                + "--overwrite starts anew\n" && again.code == 1)
        let other = try ripe(target.arguments("--epochs", "1", "--loss", "dice", "--resume"))
        #expect(
            other.errors.hasSuffix(
                "\(target.out): the run there was started with other choices: loss dice+ce, now dice; repeat the command "
                    + "with its loss, or start anew in another folder\n") && other.code == 1, "\(other.errors)")
        #expect(try ripe(target.arguments("--epochs", "1", "--overwrite")).code == 0)
    }

    @Test func aLossThatIsNoNumberStopsTheRunAndKeepsTheStateBefore() throws {
        let run = try ripe(target.arguments("--lr", "1e30", "--optimizer", "sgd"))
        #expect(run.code == 1)
        #expect(
            ["inf", "nan"].contains {
                run.errors.contains(
                    "ripe: epoch 1, batch 2 of 4 (step 2): the loss is \($0); nothing was learned yet; ")
            }, "\(run.errors)")
        #expect(run.errors.hasSuffix("a smaller --lr, --clip 1 or --warmup may help\n"))
        #expect(!FileManager.default.fileExists(atPath: target.out + "/model.safetensors"))
    }
}
