"""``--json`` promises one document on standard output, and a plugin may print."""

import contextlib
import sys
from collections.abc import Iterator

__all__ = ["plugins_say_elsewhere"]


@contextlib.contextmanager
def plugins_say_elsewhere(json: bool) -> Iterator[None]:
    """While work goes on that ends in a JSON document, ``print`` goes to standard error.

    What writes to the file descriptor itself (a C library, a child process) is not held.
    """
    if not json:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield
