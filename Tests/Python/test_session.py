# Sessions against the real library.

import os
import shutil
import signal
import threading
import time
import unittest

import ripe
from support import CHECKPOINTS, FIXTURES, QUICK, TARGET, LibraryTestCase, epoch_file


class SessionTests(LibraryTestCase):
    def after(self, seconds, action, *arguments):
        timer = threading.Timer(seconds, action, arguments)
        self.addCleanup(timer.cancel)
        timer.start()

    def test_a_session_scores_picks_and_writes(self):
        with ripe.Session(TARGET, **QUICK) as session:
            scores = [session.score(epoch_file(epoch)) for epoch in (0, 1, 3)]
            table = session.table()
            self.assertEqual([score.epoch for score in scores], [0, 1, 3])
            self.assertTrue(all(score.value > 0 for entry in scores for score in entry.scores))
            self.assertEqual([row.note == "untrained" for row in table.rows], [True, False, False])
            self.assertIn(session.pick(), [str(epoch_file(1)), str(epoch_file(3))])
            self.assertEqual(session.pick(), table.pick.path)
            session.write(self.folder / "results")
        written = set(os.listdir(self.folder / "results"))
        self.assertLessEqual({"scores.json", "scores.csv", "scores.svg", "report.html"}, written)
        self.assertEqual(ripe.ScoreTable.read(self.folder / "results").sentence, table.sentence)

    def test_nothing_can_be_picked_before_anything_is_scored(self):
        with ripe.Session(TARGET, **QUICK) as session:
            with self.assertRaises(ripe.RipeError):
                session.pick()

    def test_a_forgotten_checkpoint_leaves_the_table(self):
        with ripe.Session(TARGET, **QUICK) as session:
            session.score(epoch_file(1))
            session.score(epoch_file(3))
            session.forget(epoch_file(1))
            self.assertEqual([row.checkpoint.epoch for row in session.table().rows], [3])

    def test_the_stopping_rule_gives_a_reason(self):
        with ripe.Session(TARGET, **QUICK) as session:
            session.score(epoch_file(1))
            advice = session.should_stop(patience=3)
            self.assertFalse(advice)
            self.assertTrue(advice.reason)

    def test_the_thread_count_changes_nothing(self):
        results = []
        for threads in (1, 2):
            with ripe.Session(TARGET, threads=threads, **QUICK) as session:
                results.append(session.score(epoch_file(1)).scores)
        self.assertEqual(results[0], results[1])

    def test_options_that_make_no_sense_are_told(self):
        with self.assertRaisesRegex(ripe.UsageError, "draws"):
            ripe.Session(TARGET, draws=0)

    def test_a_target_that_is_not_there_is_told(self):
        with self.assertRaisesRegex(ripe.RipeError, "no-such-folder"):
            ripe.Session(self.folder / "no-such-folder", **QUICK)

    def test_what_is_no_checkpoint_is_excluded_and_the_session_goes_on(self):
        path = self.folder / "epoch_1.pt"
        path.write_bytes(b"not a checkpoint")
        with ripe.Session(TARGET, **QUICK) as session:
            with self.assertRaises(ripe.CheckpointExcluded):
                session.score(path)
            self.assertEqual(session.score(epoch_file(1)).epoch, 1)
            self.assertEqual(list(session.table().excluded), [str(path)])
            shutil.copy(epoch_file(3), path)
            session.score(path)
            self.assertEqual(session.table().excluded, {})

    def test_a_replaced_checkpoint_is_scored_anew(self):
        path = self.folder / "last.pt"
        with ripe.Session(TARGET, **QUICK) as session:
            shutil.copy(epoch_file(1), path)
            first = session.score(path).scores
            shutil.copy(epoch_file(8), path)
            second = session.score(path).scores
            self.assertNotEqual(first, second)
            self.assertEqual(len(session.table().rows), 1)
            self.assertEqual(second, session.score(epoch_file(8)).scores)

    def test_a_closed_session_says_so(self):
        session = ripe.Session(TARGET, **QUICK)
        session.close()
        session.close()
        with self.assertRaisesRegex(ripe.RipeError, "the session is closed"):
            session.table()

    def test_another_thread_can_cancel(self):
        with ripe.Session(TARGET, image_size=256, draws=20, no_cache=True, threads=1) as session:
            self.after(0.3, session.cancel)
            began = time.monotonic()
            with self.assertRaises(ripe.Cancelled):
                session.score(epoch_file(8))
            self.assertLess(time.monotonic() - began, 30)

    def test_ctrl_c_ends_a_score_and_the_session_can_be_used_again(self):
        with ripe.Session(TARGET, image_size=256, draws=20, no_cache=True, threads=1) as session:
            self.after(0.3, os.kill, os.getpid(), signal.SIGINT)
            with self.assertRaises(KeyboardInterrupt):
                session.score(epoch_file(8))
            self.assertEqual(session.table().rows, [])

    def test_a_forked_process_is_told_that_the_session_is_not_its_own(self):
        with ripe.Session(TARGET, **QUICK) as session:
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    session.score(epoch_file(1))
                    said = "nothing"
                except ripe.WrongProcess as error:
                    said = str(error)
                session.close()
                os.write(writing, said.encode())
                os._exit(0)
            os.waitpid(child, 0)
            self.assertIn("opened by another process, before a fork", os.read(reading, 1000).decode())
            self.assertEqual(session.score(epoch_file(1)).epoch, 1)


class FunctionTests(LibraryTestCase):
    def test_a_folder_is_scored_and_picked_from(self):
        table = ripe.score(CHECKPOINTS, TARGET, progress=False, **QUICK)
        self.assertEqual([row.checkpoint.epoch for row in table.rows], [0, 1, 3, 5, 8])
        self.assertEqual(ripe.pick(CHECKPOINTS, TARGET, progress=False, **QUICK), table.pick.path)

    def test_files_that_cannot_be_scored_are_listed_with_reasons(self):
        shutil.copy(epoch_file(1), self.folder / "epoch_1.pt")
        (self.folder / "epoch_2.pt").write_bytes(b"cut")
        table = ripe.score(self.folder, TARGET, progress=False, **QUICK)
        self.assertEqual([row.checkpoint.epoch for row in table.rows], [1])
        self.assertEqual(list(table.excluded), [str(self.folder / "epoch_2.pt")])

    def test_a_folder_without_checkpoints_is_told(self):
        with self.assertRaisesRegex(ripe.RipeError, "no checkpoints in"):
            ripe.score(self.folder, TARGET, **QUICK)


class ViewTests(LibraryTestCase):
    def views(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("NumPy is not installed")
        grey = [numpy.load(FIXTURES / "views" / f"views64_{number}.npy")[:8, None] for number in (0, 1)]
        return [numpy.repeat(images, 3, axis=1) for images in grey]

    def scores(self, first, second):
        with ripe.Session.from_views(first, second, no_cache=True) as session:
            return session.score(epoch_file(1)).scores

    def test_arrays_buffers_and_converted_arrays_give_the_same(self):
        first, second = self.views()
        expected = self.scores(first, second)
        self.assertTrue(expected)
        self.assertEqual(self.scores(memoryview(first.tobytes()).cast("f", first.shape), second), expected)
        self.assertEqual(self.scores(first.astype("float64"), second), expected)
        self.assertEqual(
            self.scores(first.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2), second), expected
        )

        class Interface:
            __array_interface__ = first.__array_interface__

        self.assertEqual(self.scores(Interface(), second), expected)

    def test_views_of_different_shape_are_refused(self):
        first, second = self.views()
        with self.assertRaisesRegex(ripe.UsageError, r"first \(8, 3, 64, 64\), second \(4, 3, 64, 64\)"):
            self.scores(first, second[:4])

    def test_what_is_no_array_is_refused(self):
        with self.assertRaisesRegex(ripe.UsageError, "second is no array"):
            self.scores(self.views()[0], "views")
        with self.assertRaisesRegex(ripe.UsageError, "must be float32 in C order, found B"):
            self.scores(self.views()[0], b"views")


if __name__ == "__main__":
    unittest.main()
