# The callback in a real Keras pretraining.

import csv
import math
import os
import unittest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import ripe
from support import QUICK, TARGET, CaughtMessages, LibraryTestCase, settle

try:
    import keras
    import tensorflow  # noqa: F401: what Keras' TensorBoard callback writes with

    from pretraining import curve_of, keras_resnet, rotated
    from ripe.keras import RipeCallback
except ImportError as error:
    raise unittest.SkipTest(f"a library is missing: {error}") from None


class Patient(keras.callbacks.Callback):
    """Lets every score come before the next epoch."""

    def __init__(self, watch):
        super().__init__()
        self.watch = watch

    def on_epoch_begin(self, epoch, logs=None):
        settle(self.watch)


class KerasTests(LibraryTestCase):
    def callback(self, **options):
        options = {**QUICK, "queue_size": 9, "nice": 0, "folder": self.folder / "ripe", **options}
        callback = RipeCallback(options.pop("target", TARGET), **options)
        self.addCleanup(callback.watch.abort)
        return callback

    def fit(self, callback, epochs, *, rate=0.02, callbacks=(), model=None):
        """Trains and returns the model and its history."""
        keras.utils.set_random_seed(1)
        images, turns = rotated(320, seed=0)
        model = model or keras_resnet()
        model.compile(
            keras.optimizers.SGD(rate, momentum=0.9),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        history = model.fit(
            images.transpose(0, 2, 3, 1),
            turns,
            batch_size=32,
            epochs=epochs,
            verbose=0,
            callbacks=[callback, *callbacks],
        )
        return model, history

    def test_a_pretraining_has_its_curve_in_its_loggers_and_leaves_the_pick(self):
        board = keras.callbacks.TensorBoard(self.folder / "tb")
        callback = self.callback(tensorboard=board)
        table = keras.callbacks.CSVLogger(self.folder / "log.csv")
        with CaughtMessages() as messages:
            model, history = self.fit(callback, 5, callbacks=[table, board])
        self.assertEqual(messages.text, "")
        rows = callback.watch.table.rows
        self.assertEqual([row.checkpoint.epoch for row in rows], [1, 2, 3, 4, 5])
        # In TensorBoard and in History each score is at its epoch; Keras counts from 0.
        curve = curve_of(self.folder / "tb" / "ripe", "ripe/score")
        self.assertEqual([step for step, _ in curve], [0, 1, 2, 3, 4])
        for (_, written), kept, row in zip(curve, history.history["ripe/score"], rows):
            self.assertAlmostEqual(written, row.score, places=5)
            self.assertAlmostEqual(kept, row.score, places=9)
        # The epochs' own logs have the newest score that was known then.
        with open(self.folder / "log.csv") as file:
            logged = [(float(row["ripe/score"]), float(row["ripe/epoch"])) for row in csv.DictReader(file)]
        self.assertEqual(len(logged), 5)
        for score, epoch in logged:
            if not math.isnan(score):
                self.assertAlmostEqual(score, rows[int(epoch) - 1].score, places=5)
        self.assertTrue(curve_of(self.folder / "tb" / "train", "epoch_ripe/score"))
        self.assertEqual(callback.pick, callback.watch.table.pick.path)
        self.assertEqual(model.ripe_pick, callback.pick)
        self.assertEqual(ripe.ScoreTable.read(self.folder / "ripe").pick.path, callback.pick)

    def test_the_snapshots_are_the_weights_without_the_optimizer(self):
        callback = self.callback(every_n_epochs=2)
        model, _ = self.fit(callback, 2)
        (row,) = callback.watch.table.rows
        saved = keras.saving.load_model(row.checkpoint.path)
        self.assertIsNone(getattr(saved, "optimizer", None))
        for ours, theirs in zip(saved.get_weights(), model.get_weights(), strict=True):
            self.assertTrue((ours == theirs).all())

    def test_a_part_of_the_model_can_be_scored(self):
        encoder = keras_resnet()
        encoder = keras.Model(encoder.inputs, encoder.layers[-3].output, name="encoder")
        images = keras.Input((64, 64, 3))
        maps = keras.layers.GlobalAveragePooling2D()(encoder(images))
        model = keras.Model(images, keras.layers.Dense(4)(maps))
        callback = self.callback(encoder="encoder")
        self.fit(callback, 1, model=model)
        self.assertEqual([row.checkpoint.epoch for row in callback.watch.table.rows], [1])
        self.assertEqual(keras.saving.load_model(callback.pick).name, "encoder")

    def test_it_stops_on_request(self):
        callback = self.callback(stop=True, patience=2)
        with CaughtMessages() as messages:
            _, history = self.fit(callback, 60, rate=1e-8, callbacks=[Patient(callback.watch)])
        self.assertLess(len(history.epoch), 60)
        self.assertIn("a stop is requested", messages.text)
        self.assertTrue(callback.pick)

    def test_the_files_of_model_checkpoint_can_be_scored_instead(self):
        kept = self.folder / "kept"
        callback = self.callback(checkpoints=kept / "*.keras")
        keeper = keras.callbacks.ModelCheckpoint(kept / "model_epoch_{epoch:02d}.keras")
        self.fit(callback, 3, callbacks=[keeper])
        self.assertEqual(
            [row.checkpoint.name for row in callback.watch.table.rows],
            [f"model_epoch_0{n}.keras" for n in (1, 2, 3)],
        )

    def test_what_keras_cannot_tell_is_refused_at_once(self):
        with self.assertRaisesRegex(ValueError, "Keras does not tell which files it writes"):
            RipeCallback(TARGET, checkpoints="trainer")

    def test_failures_of_the_callback_do_not_reach_the_training(self):
        (self.folder / "blocked").write_text("a file where a folder should be")
        with CaughtMessages() as messages:
            _, history = self.fit(self.callback(folder=self.folder / "blocked"), 2)
        self.assertEqual(len(history.epoch), 2)
        self.assertIn("cannot be saved", messages.text)

    def test_an_encoder_that_is_not_there_is_told_once_and_the_training_goes_on(self):
        with CaughtMessages() as messages:
            _, history = self.fit(self.callback(encoder="backbone"), 2)
        self.assertEqual(len(history.epoch), 2)
        self.assertEqual(len(messages.lines), 1)
        self.assertIn("backbone", messages.text)


if __name__ == "__main__":
    unittest.main()
