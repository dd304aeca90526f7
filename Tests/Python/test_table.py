# The table as values, text and HTML.

import json
import math
import unittest

import ripe
from support import TestCase

SETTING = {"loss": "hinge", "distance": "cosine", "margin": 0.5, "pooling": "flat", "negatives": "all"}


def checkpoint(name, epoch, values, **more):
    scores = [
        {**SETTING, "level": level, "value": value, "standardError": 0.01, "n": 32}
        for level, value in zip((4, 5), values)
    ]
    other = {**SETTING, "level": 5, "distance": "l2", "value": 9.0, "standardError": 1.0, "n": 32}
    return {
        "path": f"/runs/{name}", "name": name, "epoch": epoch, "step": None, "architecture": "ResNet-18",
        "untrained": False, "notConsidered": None, "scores": [*scores, other], **more,
    }  # fmt: skip


def content():
    def choice(name, epoch):
        return {"path": f"/runs/{name}", "name": name, "epoch": epoch, "step": None}

    standings = [("epoch_1.pt", 1.0, False), ("epoch_2<b>.pt", 2.0, True)]
    return {
        "schema": "ripe.scores/1",
        "checkpoints": [
            checkpoint("epoch_0.pt", 0, (0.31, 0.35), untrained=True, notConsidered="untrained: epoch 0"),
            checkpoint("epoch_1.pt", 1, (0.06, 0.10)),
            checkpoint("epoch_2<b>.pt", 2, (0.08, None)),
        ],
        "excluded": [{"path": "/runs/notes.pt", "name": "notes.pt", "reason": "it holds no <tensors>"}],
        "recommendation": {
            "rule": "guarded",
            "pick": choice("epoch_1.pt", 1),
            "sentence": "Use epoch 1 & no other.",
            "baselines": {"last": choice("epoch_2<b>.pt", 2), "orderCorrelation": None},
            "standings": [
                {"path": f"/runs/{name}", "name": name, "combined": combined, "tied": tied}
                for name, combined, tied in standings
            ],
            "decidedBy": [{**SETTING, "level": level} for level in (4, 5)],
        },
        "warnings": [{"kind": "x", "serious": True, "message": "levels <disagree>", "checkpoints": []}],
    }


class TableTests(TestCase):
    def setUp(self):
        super().setUp()
        self.table = ripe.ScoreTable(content())

    def test_a_row_has_the_deciding_scores_and_their_mean(self):
        row = self.table.rows[1]
        self.assertEqual([score.level for score in row.scores], [4, 5])
        self.assertAlmostEqual(row.score, 0.08)
        self.assertEqual((row.rank, row.note), (1.0, "recommended"))
        self.assertTrue(math.isnan(self.table.rows[2].score))
        self.assertEqual([row.note for row in self.table.rows], ["untrained", "recommended", "tied"])

    def test_pick_last_sentence_and_exclusions(self):
        self.assertEqual((self.table.pick.path, self.table.pick.epoch), ("/runs/epoch_1.pt", 1))
        self.assertEqual(self.table.last.epoch, 2)
        self.assertEqual(self.table.sentence, "Use epoch 1 & no other.")
        self.assertEqual(self.table.excluded, {"/runs/notes.pt": "it holds no <tensors>"})

    def test_text_is_aligned(self):
        lines = str(self.table).splitlines()
        self.assertEqual(lines[0], "epoch  checkpoint     level 4 ± error  level 5 ± error  rank")
        self.assertEqual(lines[1], "    0  epoch_0.pt     0.3100 ± 0.0100  0.3500 ± 0.0100     –  untrained")
        self.assertEqual(
            lines[2], "    1  epoch_1.pt     0.0600 ± 0.0100  0.1000 ± 0.0100     1  recommended"
        )
        self.assertEqual(lines[3], "    2  epoch_2<b>.pt  0.0800 ± 0.0100                –     2  tied")
        self.assertIn("  - left out: /runs/notes.pt: it holds no <tensors>", lines)

    def test_html_is_escaped_and_self_contained(self):
        html = self.table._repr_html_()
        for text in (
            "epoch_2&lt;b&gt;.pt",
            "levels &lt;disagree&gt;",
            "no &lt;tensors&gt;",
            "epoch 1 &amp; no other",
        ):
            self.assertIn(text, html)
        self.assertNotIn("<b>", html)
        self.assertNotIn("http", html)
        self.assertIn('<tr class="pick" title="/runs/epoch_1.pt">', html)

    def test_rows_as_dictionaries(self):
        first = self.table.to_dicts()[1]
        self.assertEqual(
            list(first),
            ["epoch", "step", "name", "path", "score", "score_level_4", "error_level_4", "score_level_5",
             "error_level_5", "rank", "note"],
        )  # fmt: skip
        self.assertEqual(first["score_level_5"], 0.10)

    def test_it_is_read_back_from_a_folder_of_results(self):
        (self.folder / "scores.json").write_text(json.dumps(content()))
        self.assertEqual(str(ripe.ScoreTable.read(self.folder)), str(self.table))

    def test_another_schema_is_refused(self):
        with self.assertRaisesRegex(
            ripe.RipeError, "expected the schema ripe.scores/1, found 'ripe.scores/2'"
        ):
            ripe.ScoreTable({"schema": "ripe.scores/2"})

    def test_a_table_of_nothing_can_be_shown(self):
        empty = content()
        empty["checkpoints"], empty["warnings"], empty["excluded"] = [], [], []
        empty["recommendation"].update(pick=None, standings=[], decidedBy=[], sentence="No recommendation.")
        table = ripe.ScoreTable(empty)
        self.assertIn("No recommendation.", str(table))
        self.assertIn("No recommendation.", table._repr_html_())


if __name__ == "__main__":
    unittest.main()
