# The one place that says which version this package is, and which libripe it needs.

__version__ = "0.1.0"

# RIPE_ABI_VERSION of the ripe.h that _library.py declares.
ABI_VERSION = 1
