# Finding checkpoints, noticing new and replaced ones, writing snapshots aside.

import os
import threading
import time
import unittest
from unittest import mock

from ripe._files import find_checkpoints, natural_order
from ripe._training.changes import FileChanges, FolderWatch
from ripe._training.snapshots import SnapshotWriter, write_aside
from support import TestCase


class FindingTests(TestCase):
    def test_a_folder_gives_its_checkpoints_by_number(self):
        names = ["epoch_10.pt", "epoch_9.pt", "optimizer.pt", "notes.txt", "epoch_11.tmp-5.pt", ".hidden.pt"]
        for name in names:
            (self.folder / name).touch()
        (self.folder / "checkpoint-500").mkdir()
        (self.folder / "checkpoint-500" / "model.safetensors").touch()
        found = [os.path.relpath(path, self.folder) for path in find_checkpoints(self.folder)]
        self.assertEqual(found, ["checkpoint-500/model.safetensors", "epoch_9.pt", "epoch_10.pt"])

    def test_a_pattern_and_a_named_file_are_taken_once(self):
        (self.folder / "a_1.pt").touch()
        path = str(self.folder / "a_1.pt")
        self.assertEqual(
            find_checkpoints([str(self.folder / "a_*"), path, "missing.pt"]), [path, "missing.pt"]
        )

    def test_numbers_in_names_are_ordered_by_size(self):
        self.assertLess(natural_order("epoch_9"), natural_order("epoch_10"))


class ChangeTests(TestCase):
    def write(self, name, text="1", age=10.0):
        path = self.folder / name
        path.write_text(text)
        os.utime(path, (time.time() - age, time.time() - age))
        return str(path)

    def changes(self):
        changes = FileChanges(lambda: [str(path) for path in self.folder.iterdir()])
        self.addCleanup(mock.patch.stopall)
        mock.patch("ripe._training.changes._BETWEEN_LOOKS", 0).start()
        return changes

    def test_a_replaced_file_is_told_again_and_an_unchanged_one_is_not(self):
        changes = self.changes()
        path = self.write("last.pt")
        self.assertEqual(changes.fresh(), [path])
        self.assertEqual(changes.fresh(), [])
        self.write("last.pt", "other", age=5)
        self.assertEqual(changes.fresh(), [path])

    def test_a_file_that_is_being_written_waits_until_it_rests(self):
        changes = self.changes()
        path = self.write("new.pt", age=0)
        self.assertEqual(changes.fresh(), [])
        self.assertEqual(changes.fresh(), [path])

    def test_all_are_taken_at_the_end(self):
        changes = self.changes()
        path = self.write("new.pt", age=0)
        self.assertEqual(changes.fresh(look_now=True, are_complete=True), [path])

    def test_it_looks_once_a_second_at_most(self):
        looks = []
        changes = FileChanges(lambda: looks.append(1) or [])
        for _ in range(1000):
            changes.fresh()
        self.assertLessEqual(len(looks), 3)

    def test_what_is_there_at_the_start_is_passed_over(self):
        self.write("old.pt")
        watch = FolderWatch(str(self.folder))
        new = self.write("new.pt", age=5)
        self.assertEqual(watch.fresh(is_last=True), [new])

    def test_a_folder_that_disappears_is_told_and_looked_for_again(self):
        inner = self.folder / "runs"
        inner.mkdir()
        watch = FolderWatch(str(inner))
        inner.rmdir()
        self.assertEqual(watch.fresh(is_last=True), [])
        self.assertEqual(watch.problem, f"{inner} is not there; it is looked for again")
        inner.mkdir()
        (inner / "epoch_1.pt").touch()
        self.assertEqual(watch.fresh(is_last=True), [str(inner / "epoch_1.pt")])
        self.assertIsNone(watch.problem)


class SnapshotTests(TestCase):
    def test_a_file_has_its_name_only_when_it_is_complete(self):
        path = str(self.folder / "made" / "epoch_1.keras")
        seen = []

        def save(temporary):
            seen.append((os.path.basename(temporary), os.path.exists(path)))
            with open(temporary, "w") as file:
                file.write("weights")

        write_aside(path, save)
        self.assertEqual(seen, [(f"epoch_1.tmp-{os.getpid()}.keras", False)])
        self.assertEqual(os.listdir(self.folder / "made"), ["epoch_1.keras"])

    def test_a_failure_leaves_neither_file_nor_remains(self):
        def save(temporary):
            with open(temporary, "w") as file:
                file.write("half")
            raise OSError(28, "No space left on device")

        with self.assertRaises(OSError):
            write_aside(str(self.folder / "epoch_1.pt"), save)
        self.assertEqual(os.listdir(self.folder), [])

    def test_while_one_is_being_written_the_next_is_refused(self):
        writer, go_on, results = SnapshotWriter(), threading.Event(), []

        def slow(path):
            go_on.wait(10)
            open(path, "w").close()

        def write(name, save):
            return writer.write(str(self.folder / name), save, lambda: results.append(name), results.append)

        self.assertTrue(write("1.pt", slow))
        self.assertFalse(write("2.pt", slow))
        self.assertFalse(writer.wait(0.01))
        go_on.set()
        self.assertTrue(writer.wait(10))
        self.assertEqual(results, ["1.pt"])


if __name__ == "__main__":
    unittest.main()
