# The callback in a real pretraining with the Hugging Face Trainer.

import json
import os
import unittest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import ripe
from support import QUICK, TARGET, CaughtMessages, LibraryTestCase, settle

try:
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments
    from transformers.utils import logging as transformers_logging

    from pretraining import HuggingFaceSlices, curve_of, hugging_face_model
    from ripe.huggingface import RipeCallback
except ImportError as error:
    raise unittest.SkipTest(f"a library is missing: {error}") from None


class Patient(TrainerCallback):
    """Lets every score come before the next step."""

    def __init__(self, watch):
        self.watch = watch

    def on_step_begin(self, args, state, control, **kwargs):
        settle(self.watch)


class HuggingFaceTests(LibraryTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()

    def callback(self, **options):
        options = {**QUICK, "queue_size": 9, "nice": 0, "encoder": "backbone", **options}
        callback = RipeCallback(options.pop("target", TARGET), **options)
        self.addCleanup(callback.watch.abort)
        return callback

    def fit(self, callback, epochs, *, rate=0.02, callbacks=(), resume=None, repeats=1, **arguments):
        """Trains and returns the trainer."""
        torch.manual_seed(1)
        torch.set_num_threads(1)
        settings = {"save_strategy": "no", "report_to": ["tensorboard"], "logging_steps": 5, **arguments}
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(self.folder / "tb")
        trainer = Trainer(
            model=hugging_face_model(),
            args=TrainingArguments(
                str(self.folder / "out"), num_train_epochs=epochs, per_device_train_batch_size=32,
                learning_rate=rate, optim="sgd", use_cpu=True, disable_tqdm=True, **settings,
            ),
            train_dataset=torch.utils.data.Subset(HuggingFaceSlices(320), [*range(320)] * repeats),
            callbacks=[callback, *callbacks],
        )  # fmt: skip
        trainer.train(resume_from_checkpoint=resume)
        return trainer

    def test_a_pretraining_has_its_curve_in_its_loggers_and_leaves_the_pick(self):
        callback = self.callback()
        with CaughtMessages() as messages:
            trainer = self.fit(callback, 4, dataloader_num_workers=2)
        self.assertEqual(messages.text, "")
        rows = callback.watch.table.rows
        self.assertEqual([row.checkpoint.epoch for row in rows], [1, 2, 3, 4])
        curve = curve_of(self.folder / "tb", "train/ripe/score")
        self.assertEqual([step for step, _ in curve], [10, 20, 30, 40])
        for (_, value), row in zip(curve, rows):
            self.assertAlmostEqual(value, row.score, places=5)
        logged = [entry for entry in trainer.state.log_history if "ripe/score" in entry]
        self.assertEqual(
            [(entry["step"], entry["epoch"]) for entry in logged], [(10, 1), (20, 2), (30, 3), (40, 4)]
        )
        self.assertEqual(callback.pick, callback.watch.table.pick.path)
        self.assertEqual(ripe.ScoreTable.read(self.folder / "out" / "ripe").pick.path, callback.pick)

    def test_snapshots_can_be_made_by_steps(self):
        callback = self.callback(every_n_steps=15)
        self.fit(callback, 4)
        steps = [(row.checkpoint.name, row.checkpoint.step) for row in callback.watch.table.rows]
        self.assertEqual(steps, [("step_00000015.pt", 15), ("step_00000030.pt", 30)])
        self.assertEqual([step for step, _ in curve_of(self.folder / "tb", "train/ripe/score")], [15, 30])

    def test_it_stops_between_epochs_where_snapshots_are_made_by_steps(self):
        callback = self.callback(every_n_steps=3, stop=True, patience=1)
        with CaughtMessages():
            trainer = self.fit(callback, 1, rate=1e-8, repeats=40, callbacks=[Patient(callback.watch)])
        self.assertLess(trainer.state.global_step, 400)

    def test_a_reporter_that_fails_is_told_and_scoring_goes_on(self):
        class Broken(TrainerCallback):
            def on_log(self, args, state, control, logs=None, **kwargs):
                if "ripe/score" in logs:
                    raise ConnectionError("no network")

        callback = self.callback()
        with CaughtMessages() as messages:
            self.fit(callback, 2, callbacks=[Broken()])
        self.assertIn("the Broken failed (ConnectionError: no network); scoring goes on", messages.text)
        self.assertEqual([row.checkpoint.epoch for row in callback.watch.table.rows], [1, 2])

    def test_the_trainers_own_checkpoints_are_scored_and_the_pick_is_kept(self):
        callback = self.callback(checkpoints="trainer")
        trainer = self.fit(callback, 3, save_strategy="epoch")
        folders = [str(self.folder / "out" / f"checkpoint-{step}") for step in (10, 20, 30)]
        self.assertEqual([os.path.dirname(row.checkpoint.path) for row in callback.watch.table.rows], folders)
        self.assertIn(os.path.dirname(callback.pick), folders)
        self.assertEqual(trainer.state.best_model_checkpoint, os.path.dirname(callback.pick))

    def test_the_pick_is_in_the_trainers_saved_state_and_a_resumed_training_goes_on(self):
        self.fit(self.callback(), 2, save_strategy="epoch")
        last = self.folder / "out" / "checkpoint-20"
        state = json.loads((last / "trainer_state.json").read_text())["stateful_callbacks"]["RipeCallback"]
        self.assertEqual([entry[1] for entry in state["attributes"]["watched"]["checkpoints"]], [1, 2])
        for restores in (False, True):
            trainer = self.fit(
                self.callback(), 3, resume=str(last), restore_callback_states_from_checkpoint=restores
            )
            # Where the Trainer restores callbacks, it is a new one that goes on.
            found = [entry for entry in trainer.callback_handler.callbacks if isinstance(entry, RipeCallback)]
            self.assertEqual([row.checkpoint.epoch for row in found[0].watch.table.rows], [1, 2, 3])

    def test_a_resumed_training_may_have_the_callback_for_the_first_time(self):
        self.fit(TrainerCallback(), 1, save_strategy="epoch")
        callback = self.callback()
        trainer = self.fit(
            callback, 2, resume=str(self.folder / "out" / "checkpoint-10"), save_strategy="epoch"
        )
        self.assertEqual(trainer.state.global_step, 20)
        self.assertEqual([row.checkpoint.epoch for row in callback.watch.table.rows], [2])

    def test_it_stops_on_request(self):
        callback = self.callback(stop=True, patience=2)
        with CaughtMessages() as messages:
            trainer = self.fit(callback, 60, rate=1e-8, callbacks=[Patient(callback.watch)])
        self.assertLess(trainer.state.global_step, 600)
        self.assertIn("a stop is requested", messages.text)
        self.assertTrue(callback.pick)

    def test_settings_that_json_cannot_hold_do_not_end_the_saving_of_checkpoints(self):
        callback = self.callback(encoder=lambda model: model.backbone, folder=self.folder / "snapshots")
        trainer = self.fit(callback, 1, save_strategy="epoch")
        self.assertEqual(trainer.state.global_step, 10)
        self.assertTrue((self.folder / "out" / "checkpoint-10" / "trainer_state.json").exists())

    def test_failures_of_the_callback_do_not_reach_the_training(self):
        with CaughtMessages() as messages:
            trainer = self.fit(self.callback(encoder="missing"), 2)
        self.assertEqual(trainer.state.global_step, 20)
        self.assertEqual(len(messages.lines), 1)
        self.assertIn("missing", messages.text)


if __name__ == "__main__":
    unittest.main()
