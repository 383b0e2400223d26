"""flashcrash_core: the kernel of flashcrash. It knows no venue, no formula and no database; plugins bring those.

Plugins import :mod:`flashcrash_core.api` and, in their tests, :mod:`flashcrash_core.testing`. Nothing is imported
here, so that ``flashcrash --help`` starts fast.
"""

from flashcrash_core._version import __version__

__all__ = ["__version__"]
