# Keyword arguments become the options of `ripe score`.

import re
import subprocess
import unittest

from ripe._options import FLAGS, REPEATED, VALUES, absolute_paths, option_strings
from support import ROOT

TOOL = ROOT / ".build" / "release" / "ripe"


class OptionTests(unittest.TestCase):
    def test_values_flags_and_lists_are_written_as_on_the_command_line(self):
        self.assertEqual(
            option_strings(target="scans", image_size=128, keep_empty=True, no_cache=False, split=None),
            ["--target", "scans", "--image-size", "128", "--keep-empty"],
        )
        self.assertEqual(
            option_strings(margin=[0, 0.5], level=(-2, -1)), ["--margin", "0,0.5", "--level", "-2,-1"]
        )
        self.assertEqual(option_strings(image_size=(224, 192)), ["--image-size", "224x192"])

    def test_target_and_arch_option_are_given_again_for_each_element(self):
        self.assertEqual(option_strings(target=["a", "b"]), ["--target", "a", "--target", "b"])
        self.assertEqual(option_strings(arch_option={"stride": 2}), ["--arch-option", "stride=2"])

    def test_a_name_that_is_no_option_is_refused_with_the_known_ones(self):
        with self.assertRaisesRegex(TypeError, "there is no option 'imagesize'; known are .*image_size"):
            option_strings(imagesize=3)

    def test_a_flag_takes_no_value(self):
        with self.assertRaisesRegex(TypeError, "no_cache is a flag"):
            option_strings(no_cache="yes")

    def test_paths_become_absolute_and_nothing_else_does(self):
        options = absolute_paths({"target": ["/a", "b"], "arch": "resnet50", "cache": None})
        self.assertEqual(options["target"][0], "/a")
        self.assertTrue(options["target"][1].startswith("/"))
        self.assertEqual((options["arch"], options["cache"]), ("resnet50", None))

    @unittest.skipUnless(TOOL.exists(), "the command-line tool is not built")
    def test_the_known_options_are_those_of_the_command(self):
        text = subprocess.run([TOOL, "score", "--help"], capture_output=True, text=True, check=True).stdout
        options = {name.replace("-", "_") for name in re.findall(r"^  --([a-z-]+)", text, re.MULTILINE)}
        # Where results go and how they are shown is not for a session.
        self.assertEqual(options - {"out", "json", "version", "wait"}, FLAGS | VALUES | REPEATED)


if __name__ == "__main__":
    unittest.main()
