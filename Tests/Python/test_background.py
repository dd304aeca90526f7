# Scoring in a process of its own: never blocking, bounded, and alone with its failures.

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import ripe
from ripe import events
from support import QUICK, TARGET, LibraryTestCase, epoch_file, is_alive


class BackgroundTestCase(LibraryTestCase):
    def scorer(self, **options):
        scorer = ripe.BackgroundScorer(options.pop("target", TARGET), **{**QUICK, **options})
        self.addCleanup(scorer.close)
        return scorer

    def finished(self, scorer):
        scorer.finish(120)
        return scorer.poll()

    def scored_once(self, scorer):
        """Waits until the images are read and one checkpoint is scored."""
        scorer.submit(epoch_file(1), epoch=1)
        self.assertEqual([event.kind for event in self.finished(scorer)], [events.SCORED])


class ScoringTests(BackgroundTestCase):
    def test_checkpoints_are_scored_as_in_this_process(self):
        scorer = self.scorer(patience=3)
        for epoch in (1, 3):
            self.assertTrue(scorer.submit(epoch_file(epoch), epoch=epoch, step=epoch * 10))
        first, second = self.finished(scorer)
        with ripe.Session(TARGET, **QUICK) as session:
            expected = session.score(epoch_file(1)).scores
        self.assertEqual(first.checkpoint.scores, expected)
        self.assertEqual((first.epoch, first.step, second.epoch, second.step), (1, 10, 3, 30))
        self.assertEqual(len(first.deciding), 2)
        self.assertAlmostEqual(first.score, sum(score.value for score in first.deciding) / 2)
        self.assertEqual(first.pick, str(epoch_file(1)))
        self.assertIs(second.stop, False)
        self.assertEqual([row.checkpoint.epoch for row in scorer.table().rows], [1, 3])

    def test_results_are_on_the_disk_after_each_score(self):
        scorer = self.scorer(out=self.folder / "results")
        self.scored_once(scorer)
        self.assertEqual(len(ripe.ScoreTable.read(self.folder / "results")), 1)

    def test_the_process_has_the_threads_and_the_priority_it_was_given(self):
        scorer = self.scorer(threads=1, nice=19, cores=[0])
        self.scored_once(scorer)
        process = scorer.process_id
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, process), 19)
        self.assertEqual(os.sched_getaffinity(process), {0})
        group = Path(f"/proc/{process}/autogroup")
        if group.exists() and group.read_text().strip():
            self.assertTrue(group.read_text().strip().endswith("nice 19"))
        self.assertEqual(Path(f"/proc/{process}/oom_score_adj").read_text().strip(), "1000")
        environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
        self.assertIn(b"OMP_NUM_THREADS=1", environment)
        # In a session of its own: Ctrl-C in the terminal does not reach it.
        self.assertEqual(os.getsid(process), process)

    def test_a_recalled_checkpoint_takes_part_without_an_event(self):
        scorer = self.scorer()
        scorer.recall(epoch_file(1), 1)
        scorer.submit(epoch_file(3), epoch=3)
        self.assertEqual([event.epoch for event in self.finished(scorer)], [3])
        self.assertEqual([row.checkpoint.epoch for row in scorer.table().rows], [1, 3])

    def test_unknown_options_are_refused_at_once(self):
        with self.assertRaisesRegex(TypeError, "there is no option 'imagesize'"):
            ripe.BackgroundScorer(TARGET, imagesize=64)


class QueueTests(BackgroundTestCase):
    def test_a_slow_scorer_skips_the_longest_waiting_and_never_blocks(self):
        scorer = self.scorer(queue_size=2)
        self.scored_once(scorer)
        os.kill(scorer.process_id, signal.SIGSTOP)
        began = time.monotonic()
        for number in range(1, 51):
            self.assertTrue(scorer.submit(self.folder / f"epoch_{number}.pt", epoch=number))
            scorer.poll() if number < 4 else None
        self.assertLess(time.monotonic() - began, 1.0)
        self.assertEqual(scorer.pending, 3)
        self.assertFalse(scorer.finish(0.1))
        os.kill(scorer.process_id, signal.SIGCONT)
        found = self.finished(scorer)
        skipped = [event for event in found if event.kind == events.SKIPPED]
        self.assertEqual([event.epoch for event in skipped][-1], 48)
        self.assertIn("scoring is slower than checkpoints come, and 2 newer ones wait", skipped[-1].message)
        # The newest were taken; that their files do not exist is another matter.
        self.assertEqual([event.epoch for event in found if event.kind == events.EXCLUDED], [1, 49, 50])

    def test_a_file_replaced_while_it_waits_is_scored_once(self):
        scorer = self.scorer()
        self.scored_once(scorer)
        path = self.folder / "last.pt"
        os.kill(scorer.process_id, signal.SIGSTOP)
        scorer.submit(epoch_file(3), epoch=3)
        shutil.copy(epoch_file(1), path)
        scorer.submit(path, epoch=4)
        shutil.copy(epoch_file(8), path)
        scorer.submit(path, epoch=5)
        os.kill(scorer.process_id, signal.SIGCONT)
        found = self.finished(scorer)
        self.assertIn((events.SKIPPED, 4), [(event.kind, event.epoch) for event in found])
        self.assertIn("replaced before it was scored", found[0].message)
        self.assertEqual([event.epoch for event in found if event.kind == events.SCORED], [3, 5])

    def test_a_finish_that_takes_long_is_told_and_ends_in_time(self):
        scorer = self.scorer()
        self.scored_once(scorer)
        os.kill(scorer.process_id, signal.SIGSTOP)
        scorer.submit(epoch_file(3))
        began = time.monotonic()
        self.assertFalse(scorer.finish(0.5))
        self.assertIsNone(scorer.table(timeout=0.5))
        scorer.close(timeout=2)
        self.assertLess(time.monotonic() - began, 6)


class FailureTests(BackgroundTestCase):
    def test_a_killed_process_is_replaced_once_and_remembers(self):
        scorer = self.scorer()
        self.scored_once(scorer)
        first = scorer.process_id
        os.kill(first, signal.SIGKILL)
        self.wait_until(lambda: scorer.process_id not in (None, first))
        scorer.submit(epoch_file(3), epoch=3)
        self.assertEqual([event.epoch for event in self.finished(scorer)], [3])
        self.assertEqual([row.checkpoint.epoch for row in scorer.table().rows], [1, 3])

    def test_a_second_death_ends_scoring_with_the_reason(self):
        scorer = self.scorer()
        self.scored_once(scorer)
        first = scorer.process_id
        os.kill(first, signal.SIGKILL)
        self.wait_until(lambda: scorer.process_id not in (None, first))
        os.kill(scorer.process_id, signal.SIGSEGV)
        self.wait_until(lambda: scorer.is_off)
        self.assertFalse(scorer.submit(epoch_file(3)))
        self.assertFalse(scorer.finish(5))
        last = scorer.poll()[-1]
        self.assertEqual(last.kind, events.OFF)
        self.assertIn("the scoring process was ended by SIGSEGV", last.message)
        self.assertIn("the training goes on", last.message)

    def test_the_checkpoint_at_work_when_it_died_is_told_and_the_next_is_scored(self):
        scorer = self.scorer()
        self.scored_once(scorer)
        os.kill(scorer.process_id, signal.SIGSTOP)
        scorer.submit(epoch_file(3), epoch=3)
        scorer.submit(epoch_file(5), epoch=5)
        os.kill(scorer.process_id, signal.SIGKILL)
        failed, scored = self.finished(scorer)
        self.assertEqual((failed.kind, failed.epoch, scored.kind, scored.epoch), ("failed", 3, "scored", 5))
        self.assertIn("was ended by SIGKILL (out of memory?)", failed.message)

    def test_a_checkpoint_that_cannot_be_scored_is_told_and_scoring_goes_on(self):
        scorer = self.scorer()
        scorer.submit(self.folder / "missing.pt", epoch=1)
        scorer.submit(epoch_file(3), epoch=3)
        excluded, scored = self.finished(scorer)
        self.assertEqual((excluded.kind, excluded.epoch, scored.epoch), (events.EXCLUDED, 1, 3))
        self.assertIn("missing.pt", excluded.message)

    def test_a_target_that_is_not_there_ends_scoring_with_the_reason(self):
        scorer = self.scorer(target=self.folder / "gone")
        self.wait_until(lambda: scorer.is_off)
        event = scorer.poll()[0]
        self.assertEqual(event.kind, events.OFF)
        self.assertIn(str(self.folder / "gone"), event.message)

    def test_a_target_that_disappears_does_not_end_what_is_read_already(self):
        target = self.folder / "target"
        shutil.copytree(TARGET, target)
        scorer = self.scorer(target=target)
        self.scored_once(scorer)
        shutil.rmtree(target)
        scorer.submit(epoch_file(3), epoch=3)
        self.assertEqual(len(self.finished(scorer)), 1)
        self.assertFalse(scorer.is_off)

    def test_a_folder_for_results_that_cannot_be_written_is_told_once_and_costs_no_score(self):
        blocked = self.folder / "results"
        blocked.write_text("a file is in the way")
        scorer = self.scorer(out=blocked)
        for epoch in (1, 3):
            scorer.submit(epoch_file(epoch), epoch=epoch)
        kinds = [event.kind for event in self.finished(scorer)]
        self.assertEqual(kinds, [events.SCORED, events.FAILED, events.SCORED])

    def test_a_library_of_another_version_ends_scoring_with_the_reason(self):
        path = self.folder / "libripe.so"
        path.write_text("no library")
        with mock.patch.dict(os.environ, RIPE_LIBRARY=str(path)):
            scorer = self.scorer()
        self.wait_until(lambda: scorer.is_off)
        self.assertIn("libripe.so does not load", scorer.poll()[0].message)


class ProcessTests(BackgroundTestCase):
    def test_in_a_forked_process_every_method_does_nothing(self):
        scorer = self.scorer()
        self.scored_once(scorer)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            results = [
                scorer.submit(epoch_file(3)), scorer.poll(), scorer.is_off, scorer.pending, scorer.finish(60),
                scorer.table(), scorer.write(self.folder), scorer.forget("x"), scorer.close(),
            ]  # fmt: skip
            os.write(writing, repr(results).encode())
            os._exit(0)
        os.waitpid(child, 0)
        self.assertEqual(
            os.read(reading, 1000).decode(), "[False, [], True, 0, False, None, False, None, None]"
        )
        scorer.submit(epoch_file(3), epoch=3)
        self.assertEqual([event.epoch for event in self.finished(scorer)], [3])

    def test_a_fork_while_another_thread_holds_the_lock_does_not_hang(self):
        scorer = self.scorer()
        held, release = threading.Event(), threading.Event()

        def hold():
            with scorer._dispatcher.changed:
                held.set()
                release.wait(30)

        threading.Thread(target=hold).start()
        held.wait()
        child = os.fork()
        if child == 0:
            scorer.submit(epoch_file(1))
            scorer.close()
            os._exit(0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        release.set()

    def test_closing_ends_the_process(self):
        scorer = self.scorer()
        process = scorer.process_id
        scorer.close()
        scorer.close()
        self.assertFalse(is_alive(process))
        self.assertFalse(scorer.submit(epoch_file(1)))

    def run_and_read_process(self, ending):
        """Runs a program with a scorer that ends in a certain way; the scoring process's number."""
        code = (
            "import os, signal, sys, time, ripe\n"
            f"scorer = ripe.BackgroundScorer({str(TARGET)!r}, image_size=64)\n"
            f"scorer.submit({str(epoch_file(1))!r})\n"
            "print(scorer.process_id, flush=True)\n" + ending
        )
        run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=60)
        return int(run.stdout)

    def test_it_ends_with_a_program_that_forgets_to_close_it(self):
        process = self.run_and_read_process("")
        self.wait_until(lambda: not is_alive(process), 10)

    def test_it_ends_with_a_program_that_is_killed(self):
        process = self.run_and_read_process("os.kill(os.getpid(), signal.SIGKILL)")
        self.wait_until(lambda: not is_alive(process), 10)

    def test_it_ends_with_a_killed_program_whose_children_hold_the_pipe(self):
        ending = (
            "if os.fork() == 0:\n"
            "    os.close(1); time.sleep(20); os._exit(0)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        process = self.run_and_read_process(ending)
        self.wait_until(lambda: not is_alive(process), 10)


if __name__ == "__main__":
    unittest.main()
