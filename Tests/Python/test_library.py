# Loading the library: which one, and what is said of a wrong one.

import ctypes.util
import os
import subprocess
import sys
import unittest
from unittest import mock

import ripe
from ripe import _library
from support import LibraryTestCase, TestCase


class LoadingTests(TestCase):
    def test_importing_ripe_imports_no_framework_and_loads_no_library(self):
        code = (
            "import sys, ripe; from ripe import _library; "
            "assert _library._loaded is None; "
            "frameworks = ('torch', 'keras', 'transformers', 'lightning', 'numpy'); "
            "print([name for name in frameworks if name in sys.modules])"
        )
        output = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        self.assertEqual(output, "[]\n")

    def test_the_environment_names_another_library(self):
        with mock.patch.dict(os.environ, RIPE_LIBRARY="/somewhere/libripe.so"):
            self.assertEqual(_library._path(), "/somewhere/libripe.so")

    def test_a_library_that_is_not_there_is_told_with_what_to_do(self):
        with self.assertRaisesRegex(
            ripe.RipeError, "no libripe.so: /nowhere/libripe.so is not there.*make wheel"
        ):
            _library.Library("/nowhere/libripe.so")

    def test_a_file_that_is_no_library_is_told_as_what_it_is(self):
        path = self.folder / "libripe.so"
        path.write_text("not a library")
        with self.assertRaisesRegex(ripe.RipeError, "libripe.so does not load: .*apt-get install"):
            _library.Library(str(path))

    def test_a_library_of_something_else_is_refused(self):
        name = ctypes.util.find_library("c")
        with self.assertRaisesRegex(ripe.RipeError, "is no libripe: it has no function ripe_abi_version"):
            _library.Library(name)


class VersionTests(LibraryTestCase):
    def test_a_library_of_another_version_is_refused_with_both_versions(self):
        path = _library.library().path
        with mock.patch.object(_library, "__version__", "9.9.9"):
            with self.assertRaisesRegex(
                ripe.RipeError,
                r"is Ripe 0\.1\.0 \(ABI 1\), the Python package is ripe 9\.9\.9 \(ABI 1\); install the wheel",
            ):
                _library.Library(path)

    def test_a_library_of_another_abi_is_refused_with_both_numbers(self):
        path = _library.library().path
        with mock.patch.object(_library, "ABI_VERSION", 2):
            with self.assertRaisesRegex(
                ripe.RipeError, r"\(ABI 1\), the Python package is ripe .* \(ABI 2\)"
            ):
                _library.Library(path)


if __name__ == "__main__":
    unittest.main()
