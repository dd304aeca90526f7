# The examples of docs/python.md and of the package's own documentation.

import re
import unittest

import ripe
from ripe import background, functions, session
from support import ROOT

GUIDE = ROOT / "docs" / "python.md"


class ExampleTests(unittest.TestCase):
    def test_every_example_of_the_guide_is_python(self):
        blocks = re.findall(
            r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        self.assertGreaterEqual(len(blocks), 5)
        for block in blocks:
            compile(block, str(GUIDE), "exec")

    def test_every_setting_is_in_the_guide(self):
        import inspect

        from ripe._training.watch import TrainingWatch

        guide = GUIDE.read_text(encoding="utf-8")
        for name in list(inspect.signature(TrainingWatch).parameters)[:-1]:
            self.assertIn(f"`{name}`", guide)

    def test_everything_public_has_a_docstring(self):
        for name in ripe.__all__:
            if name != "__version__":
                self.assertTrue(getattr(ripe, name).__doc__, name)
        for kind in (session.Session, background.BackgroundScorer, ripe.ScoreTable):
            for name, member in vars(kind).items():
                if callable(member) and not name.startswith("_"):
                    self.assertTrue(member.__doc__, f"{kind.__name__}.{name}")
        self.assertTrue(functions.score.__doc__ and functions.pick.__doc__)


if __name__ == "__main__":
    unittest.main()
