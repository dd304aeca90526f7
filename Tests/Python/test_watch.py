# What the callbacks of all trainers share, without a trainer: snapshots, curve, stop, end, and what goes
# wrong meanwhile.

import contextlib
import errno
import io
import os
import pickle
import shutil
import signal
import unittest
from pathlib import Path
from unittest import mock

import ripe
from ripe._training.guard import guarded
from ripe._training.watch import TrainingWatch
from support import QUICK, TARGET, CaughtMessages, LibraryTestCase, TestCase, epoch_file


class WatchTestCase(LibraryTestCase):
    def watch(self, **options):
        watch = TrainingWatch(
            options.pop("target", TARGET),
            **{**QUICK, "finish_timeout": 120, "queue_size": 9, "nice": 0, **options},
        )
        self.addCleanup(watch.abort)
        watch.start(str(self.folder))
        return watch

    def save(self, watch, epoch, like=None):
        """A snapshot after an epoch: a checkpoint of the fixtures."""
        source = epoch_file(like or epoch)
        watch.save(f"epoch_{epoch:04d}.pt", epoch, epoch * 10, lambda path: shutil.copy(source, path))
        watch._snapshots.wait(30)

    def finish(self, watch):
        output = io.StringIO()
        with contextlib.redirect_stdout(output), CaughtMessages() as messages:
            points = watch.finish()
        return points, output.getvalue(), messages.text


@contextlib.contextmanager
def without_root():
    """Gives up what root may do and others may not, for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


class CurveTests(WatchTestCase):
    def test_every_snapshot_gives_a_point_and_the_end_a_table_and_files(self):
        watch = self.watch()
        for epoch in (1, 3, 5):
            self.save(watch, epoch)
        points, output, messages = self.finish(watch)
        self.assertEqual([(point.epoch, point.step) for point in points], [(1, 10), (3, 30), (5, 50)])
        self.assertEqual(
            list(points[0].metrics),
            ["ripe/score", "ripe/score_level_4", "ripe/score_level_5", "ripe/pick_epoch"],
        )
        self.assertEqual(os.path.dirname(watch.pick), str(self.folder / "ripe"))
        self.assertIn(watch.table.sentence, " ".join(output.split()))
        self.assertIn(f"Written to {self.folder / 'ripe'}", output)
        self.assertEqual(len(ripe.ScoreTable.read(self.folder / "ripe")), 3)
        self.assertEqual(messages, "")
        self.assertFalse(watch.is_running)

    def test_only_every_nth_epoch_is_due(self):
        watch = self.watch(every_n_epochs=2)
        self.assertEqual([epoch for epoch in range(1, 7) if watch.is_due(epoch)], [2, 4, 6])

    def test_files_that_appear_in_a_folder_are_scored(self):
        shutil.copy(epoch_file(8), self.folder / "epoch_8.pt")
        watch = self.watch(checkpoints=self.folder)
        self.assertFalse(watch.is_due(1))
        shutil.copy(epoch_file(1), self.folder / "epoch_1.pt")
        points, _, _ = self.finish(watch)
        self.assertEqual([point.epoch for point in points], [1])

    def test_a_stop_is_requested_once_with_its_reason(self):
        watch = self.watch(stop=True, patience=1, min_epochs=0)
        with CaughtMessages() as messages:
            for epoch, like in ((1, 1), (2, 8), (3, 8), (4, 8)):
                self.save(watch, epoch, like)
                watch._scorer.finish(120)
                watch.results()
        self.assertIsNotNone(watch.stop_reason)
        self.assertEqual(messages.text.count("a stop is requested"), 1)

    def test_without_stop_the_rule_is_not_asked(self):
        self.assertIsNone(self.watch()._scorer._rule)

    def test_a_resumed_training_goes_on_with_what_was_scored(self):
        watch = self.watch()
        self.save(watch, 1)
        self.finish(watch)
        resumed = TrainingWatch(TARGET, **QUICK)
        self.addCleanup(resumed.abort)
        resumed.restore(watch.state())
        resumed.start(str(self.folder))
        self.save(resumed, 3)
        points, _, _ = self.finish(resumed)
        self.assertEqual([point.epoch for point in points], [3])
        self.assertEqual([row.checkpoint.epoch for row in resumed.table.rows], [1, 3])


class TroubleTests(WatchTestCase):
    def test_a_full_disk_costs_a_snapshot_and_nothing_else(self):
        watch = self.watch()

        def full(path):
            raise OSError(errno.ENOSPC, "No space left on device")

        with CaughtMessages() as messages:
            watch.save("epoch_0002.pt", 2, 20, full)
            watch._snapshots.wait(10)
        self.assertIn("epoch_0002.pt cannot be saved ([Errno 28] No space left on device)", messages.text)
        self.save(watch, 3)
        self.assertEqual([point.epoch for point in self.finish(watch)[0]], [3])

    def test_a_folder_made_read_only_is_told_and_the_training_goes_on(self):
        watch = self.watch()
        self.save(watch, 1)
        watch._scorer.finish(120)
        for place in (self.folder / "ripe", self.folder):
            self.addCleanup(place.chmod, 0o700)
            place.chmod(0o555)
        content = epoch_file(3).read_bytes()
        with CaughtMessages() as messages, without_root():
            watch.save("epoch_0003.pt", 3, 30, lambda path: Path(path).write_bytes(content))
            watch._snapshots.wait(30)
        self.assertIn("epoch_0003.pt cannot be saved ([Errno 13] Permission denied", messages.text)
        self.folder.chmod(0o700)
        (self.folder / "ripe").chmod(0o700)
        self.save(watch, 5)
        self.assertEqual([point.epoch for point in self.finish(watch)[0]], [1, 5])

    def test_a_file_in_the_place_of_the_folder_is_told(self):
        (self.folder / "ripe").write_text("in the way")
        watch = self.watch()
        with CaughtMessages() as messages:
            self.save(watch, 1)
        self.assertIn("cannot be saved", messages.text)
        self.assertEqual(self.finish(watch)[0], [])

    def test_a_deleted_folder_is_made_again(self):
        watch = self.watch()
        self.save(watch, 1)
        watch._scorer.finish(120)
        shutil.rmtree(self.folder / "ripe")
        self.save(watch, 3)
        points, _, messages = self.finish(watch)
        self.assertEqual([point.epoch for point in points], [1, 3])
        # The first file is gone, so it cannot be the pick.
        self.assertIn("1 checkpoint scored before cannot be picked, being no longer there", messages)
        self.assertEqual(os.path.basename(watch.pick), "epoch_0003.pt")
        self.assertEqual(len(ripe.ScoreTable.read(self.folder / "ripe")), 1)

    def test_a_watched_folder_that_is_deleted_is_told(self):
        runs = self.folder / "runs"
        runs.mkdir()
        watch = self.watch(checkpoints=runs)
        runs.rmdir()
        _, _, messages = self.finish(watch)
        self.assertIn(f"{runs} is not there; it is looked for again", messages)

    def test_a_slow_disk_skips_snapshots(self):
        import threading

        watch, release = self.watch(), threading.Event()

        def slow(path):
            release.wait(30)
            shutil.copy(epoch_file(1), path)

        with CaughtMessages() as messages:
            watch.save("epoch_0001.pt", 1, None, slow)
            watch.save("epoch_0002.pt", 2, None, slow)
        release.set()
        self.assertIn(
            "epoch_0002.pt is not saved: the snapshot before it is still being written", messages.text
        )
        self.assertEqual([point.epoch for point in self.finish(watch)[0]], [1])

    def test_a_scorer_that_hangs_ends_the_wait_and_says_what_to_do(self):
        watch = self.watch(finish_timeout=1)
        self.save(watch, 1)
        watch._scorer.finish(120)
        os.kill(watch._scorer.process_id, signal.SIGSTOP)
        self.save(watch, 3)
        with mock.patch.object(watch._scorer, "table", lambda: None):
            points, _, messages = self.finish(watch)
        self.assertEqual([point.epoch for point in points], [1])
        self.assertIn("1 checkpoint could not be scored within 1 s; 'ripe score", messages)

    def test_the_same_trouble_is_not_told_for_ever(self):
        watch = self.watch()
        with CaughtMessages() as messages:
            for epoch in range(10):
                watch._not_saved(f"epoch_{epoch}.pt", OSError("full"))
        self.assertEqual(len(messages.lines), 3)
        self.assertIn("more of this kind are not told", messages.lines[-1])


class SettingTests(TestCase):
    def test_what_can_be_seen_to_be_wrong_is_refused_before_the_training(self):
        with self.assertRaisesRegex(FileNotFoundError, "the target .*gone does not exist"):
            TrainingWatch(self.folder / "gone")
        with self.assertRaisesRegex(TypeError, "there is no option 'imagesize'"):
            TrainingWatch(TARGET, imagesize=64)
        with self.assertRaises(ValueError):
            TrainingWatch(TARGET, every_n_epochs=0)

    def test_it_can_be_copied_to_other_processes_before_the_start(self):
        watch = pickle.loads(pickle.dumps(TrainingWatch(TARGET, image_size=64)))
        self.assertFalse(watch.is_running)

    def test_a_failure_of_the_callback_is_told_once_and_never_raised(self):
        class Callback:
            watch = TrainingWatch(TARGET)

            @guarded
            def on_epoch_end(self):
                raise KeyError("surprise")

        with CaughtMessages() as messages:
            self.assertIsNone(Callback().on_epoch_end())
        self.assertIn(
            "KeyError: 'surprise'; checkpoints are no longer scored, the training goes on", messages.text
        )

    def test_before_the_start_and_after_the_end_there_is_nothing_to_do(self):
        watch = TrainingWatch(TARGET)
        watch.offer("x.pt")
        self.assertEqual((watch.is_due(1), watch.results(), watch.finish()), (False, [], []))
        watch.abort()


if __name__ == "__main__":
    unittest.main()
