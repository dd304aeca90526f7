# The callback in a real Lightning pretraining.

import csv
import logging
import os
import resource
import unittest
import warnings

import ripe
from support import QUICK, TARGET, CaughtMessages, LibraryTestCase, settle

try:
    import pytorch_lightning
    import torch
    from pytorch_lightning.callbacks import ModelCheckpoint
    from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

    from pretraining import RotatedSlices, curve_of, resnet
    from ripe.lightning import RipeCallback
except ImportError as error:
    raise unittest.SkipTest(f"a library is missing: {error}") from None


class Rotations(pytorch_lightning.LightningModule):
    """Tells by how many quarter turns a slice is rotated."""

    def __init__(self, rate=0.02):
        super().__init__()
        self.rate = rate
        self.model = resnet()

    def training_step(self, batch, _):
        images, turns = batch
        loss = torch.nn.functional.cross_entropy(self.model(images), turns)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.rate, momentum=0.9)


class Patient(pytorch_lightning.Callback):
    """Lets every score come before the next epoch."""

    def __init__(self, watch):
        self.watch = watch

    def on_train_epoch_start(self, trainer, module):
        settle(self.watch)


class LightningTests(LibraryTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)

    def callback(self, **options):
        callback = RipeCallback(
            options.pop("target", TARGET), **{**QUICK, "queue_size": 9, "nice": 0, **options}
        )
        self.addCleanup(callback.watch.abort)
        return callback

    def fit(
        self, callback, epochs, *, images=320, rate=0.02, workers=0, callbacks=(), resume=None, **settings
    ):
        """Trains and returns the trainer."""
        torch.manual_seed(1)
        torch.set_num_threads(1)
        data = torch.utils.data.DataLoader(RotatedSlices(images), 32, shuffle=True, num_workers=workers)
        trainer = pytorch_lightning.Trainer(
            max_epochs=epochs, accelerator="cpu", default_root_dir=self.folder, log_every_n_steps=1,
            logger=[TensorBoardLogger(self.folder, "tb"), CSVLogger(self.folder, "csv")],
            callbacks=[callback, *callbacks], enable_progress_bar=False, enable_model_summary=False,
            **settings,
        )  # fmt: skip
        trainer.fit(Rotations(rate), data, ckpt_path=resume)
        return trainer

    def test_a_pretraining_has_its_curve_in_its_loggers_and_leaves_the_pick(self):
        callback = self.callback(encoder="model")
        with CaughtMessages() as messages:
            # Data loaders that fork processes while scoring goes on.
            trainer = self.fit(callback, 4, workers=2)
        self.assertEqual(messages.text, "")
        # Ten steps an epoch; each score is at the step that the weights are of.
        curve = curve_of(self.folder / "tb", "ripe/score")
        self.assertEqual([step for step, _ in curve], [10, 20, 30, 40])
        rows = [row for row in callback.watch.table.rows]
        self.assertEqual([row.checkpoint.epoch for row in rows], [1, 2, 3, 4])
        for (_, value), row in zip(curve, rows):
            self.assertAlmostEqual(value, row.score, places=5)
        with open(self.folder / "csv" / "version_0" / "metrics.csv") as file:
            logged = [row for row in csv.DictReader(file) if row["ripe/score"]]
        self.assertEqual(
            [(row["step"], row["epoch"]) for row in logged],
            [("10", "0"), ("20", "1"), ("30", "2"), ("40", "3")],
        )
        self.assertEqual(trainer.ripe_pick, callback.watch.table.pick.path)
        self.assertEqual(callback.best_model_path, trainer.ripe_pick)
        results = ripe.ScoreTable.read(self.folder / "tb" / "version_0" / "ripe")
        self.assertEqual(results.pick.path, trainer.ripe_pick)
        self.assertIsNone(callback.watch._scorer)

    def test_the_snapshots_are_the_weights(self):
        callback = self.callback(encoder="model", every_n_epochs=2)
        trainer = self.fit(callback, 2)
        (row,) = callback.watch.table.rows
        saved = torch.load(row.checkpoint.path, weights_only=True)
        self.assertEqual((saved["epoch"], saved["global_step"]), (2, 20))
        weights = trainer.lightning_module.model.state_dict()
        self.assertEqual(saved["state_dict"].keys(), weights.keys())
        self.assertTrue(all(torch.equal(saved["state_dict"][name], weights[name]) for name in weights))

    def test_it_stops_on_request(self):
        # Hardly a step, so that no checkpoint is better than the one before.
        callback = self.callback(stop=True, patience=2)
        with CaughtMessages() as messages:
            trainer = self.fit(callback, 60, rate=1e-8, callbacks=[Patient(callback.watch)])
        self.assertLess(trainer.current_epoch, 60)
        self.assertIn("a stop is requested", messages.text)
        self.assertTrue(trainer.ripe_pick)

    def test_of_two_processes_one_scores_and_both_stop(self):
        # Both would hang for ever if only one of them stopped.
        callback = self.callback(stop=True, patience=2)
        patient = Patient(callback.watch)
        self.fit(callback, 60, rate=1e-8, callbacks=[patient], devices=2, strategy="ddp_fork")
        rows = ripe.ScoreTable.read(self.folder / "tb" / "version_0" / "ripe").rows
        self.assertLess(len(rows), 60)
        # Each epoch once and in order; a busy machine skips some.
        epochs = [row.checkpoint.epoch for row in rows]
        self.assertEqual(epochs, sorted(set(epochs)))

    def test_the_trainers_own_checkpoints_can_be_scored_instead(self):
        callback = self.callback(checkpoints="trainer")
        keeper = ModelCheckpoint(self.folder / "kept", filename="{epoch}-{step}", save_top_k=-1)
        trainer = self.fit(callback, 3, callbacks=[keeper])
        paths = [
            str(self.folder / "kept" / f"epoch={epoch}-step={epoch * 10 + 10}.ckpt") for epoch in range(3)
        ]
        self.assertEqual([row.checkpoint.path for row in callback.watch.table.rows], paths)
        self.assertEqual([step for step, _ in curve_of(self.folder / "tb", "ripe/score")], [10, 20, 30])
        self.assertIn(trainer.ripe_pick, paths)

    def test_a_resumed_training_goes_on_with_what_was_scored(self):
        keeper = ModelCheckpoint(self.folder / "kept", filename="{epoch}", save_top_k=-1)
        self.fit(self.callback(), 2, callbacks=[keeper])
        state = torch.load(self.folder / "kept" / "epoch=1.ckpt", weights_only=False)["callbacks"][
            "RipeCallback"
        ]
        self.assertEqual([epoch for _, epoch, _ in state["checkpoints"]], [1, 2])
        callback = self.callback()
        self.fit(
            callback,
            3,
            callbacks=[ModelCheckpoint(self.folder / "kept")],
            resume=self.folder / "kept" / "epoch=1.ckpt",
        )
        self.assertEqual([row.checkpoint.epoch for row in callback.watch.table.rows], [1, 2, 3])

    def test_failures_of_the_callback_do_not_reach_the_training(self):
        (self.folder / "blocked").write_text("a file where a folder should be")
        callback = self.callback(folder=self.folder / "blocked")
        with CaughtMessages() as messages:
            trainer = self.fit(callback, 2)
        self.assertEqual(trainer.current_epoch, 2)
        self.assertIn("cannot be saved", messages.text)

    def test_a_full_disk_costs_snapshots_and_nothing_else(self):
        callback = self.callback()

        class Full(pytorch_lightning.Callback):
            """No file of this process may grow beyond 200 kB in the second epoch; a snapshot has 1.3 MB."""

            def on_train_epoch_start(self, trainer, module):
                limit = 200_000 if trainer.current_epoch == 1 else usual[0]
                callback.watch._snapshots.wait(30)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, usual[1]))

        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_FSIZE, usual)
        with CaughtMessages() as messages:
            self.fit(callback, 3, callbacks=[Full()], enable_checkpointing=False)
        self.assertIn("epoch_0002.pt cannot be saved", messages.text)
        self.assertEqual([row.checkpoint.epoch for row in callback.watch.table.rows], [1, 3])
        self.assertEqual(sorted(os.listdir(callback.watch.folder))[:2], ["epoch_0001.pt", "epoch_0003.pt"])

    def test_an_encoder_that_is_not_there_is_told_once_and_the_training_goes_on(self):
        with CaughtMessages() as messages:
            trainer = self.fit(self.callback(encoder="model.backbone"), 2)
        self.assertEqual(trainer.current_epoch, 2)
        self.assertEqual(len(messages.lines), 1)
        self.assertIn("backbone", messages.text)

    def test_an_exception_of_the_training_ends_the_scoring_process(self):
        callback = self.callback()

        class Failing(pytorch_lightning.Callback):
            def on_train_epoch_end(self, trainer, module):
                raise ZeroDivisionError("the training's own failure")

        with self.assertRaises(ZeroDivisionError):
            self.fit(callback, 2, callbacks=[Failing()])
        self.assertFalse(callback.watch.is_running)


if __name__ == "__main__":
    unittest.main()
