"""Every error that flashcrash raises on purpose, in one tree.

::

    FlashcrashError
    +-- UsageError            the command line is wrong                          exit code 2
    +-- ConfigError           the configuration is wrong (all faults at once)    exit code 2
    |   +-- CredentialError   a venue's key is missing, unsafe or may too much
    +-- PluginError           a plugin cannot be found, loaded or used           exit code 2
    |   +-- PluginNotFound    no plugin bears that name
    |   +-- PluginConflict    two plugins claim one name
    |   +-- PluginContract    a plugin breaks the contract (api, hook, spec)
    |   +-- PluginFailure     a plugin that the session needs failed at run time     exit code 1
    +-- DataError             market data cannot be read or is not what it says  exit code 1
    +-- VenueError            a venue cannot be reached, or refuses this machine exit code 1
    +-- StorageError          the database cannot be opened, written or trusted  exit code 1
    +-- InvariantError        the books do not balance; a defect, never ignored  exit code 1
    +-- HaltedError           a risk control stopped the session                 exit code 3
    +-- VerificationError     a replay did not decide as the recorded session    exit code 4

Each message says what is wrong, where, and what to do next. The command line prints it without a traceback and exits
with ``exit_code``; anything else that escapes is a defect and keeps its traceback.
"""

from typing import ClassVar

__all__ = [
    "ConfigError",
    "CredentialError",
    "DataError",
    "FlashcrashError",
    "HaltedError",
    "InvariantError",
    "PluginConflict",
    "PluginContract",
    "PluginError",
    "PluginFailure",
    "PluginNotFound",
    "StorageError",
    "UsageError",
    "VenueError",
    "VerificationError",
]


class FlashcrashError(Exception):
    """Base of the tree; ``exit_code`` is what the command line returns for it."""

    exit_code: ClassVar[int] = 1


class UsageError(FlashcrashError):
    """The command line or a call of the Python interface asks for something impossible."""

    exit_code = 2


class ConfigError(FlashcrashError):
    """One or more faults in the configuration; ``problems`` holds them all, each as ``file:line table.key: message``."""

    exit_code = 2

    def __init__(self, problems: list[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class CredentialError(ConfigError):
    """A venue's key is missing, cannot be read safely, or has the wrong rights. The message never holds the secret."""


class PluginError(FlashcrashError):
    """A plugin cannot be found, loaded or used."""

    exit_code = 2


class PluginNotFound(PluginError):
    """No plugin bears the name; the message names the nearest one."""


class PluginConflict(PluginError):
    """Two plugins claim one name; the message names both distributions."""


class PluginContract(PluginError):
    """A plugin breaks the contract: wrong ``api``, unknown hook, a spec that does not fit."""


class PluginFailure(PluginError):
    """A plugin that a running session cannot do without failed; what was committed is kept."""

    exit_code = 1


class DataError(FlashcrashError):
    """A market data file is missing, unreadable, empty, or not what it claims to be."""


class VenueError(FlashcrashError):
    """A venue cannot be reached, refuses this machine, or answers with something that is not its protocol."""


class StorageError(FlashcrashError):
    """The database cannot be opened, written or trusted. What was committed before is kept."""


class InvariantError(FlashcrashError):
    """An identity that must hold does not (ledger, order states). Always a defect; trading stops."""


class HaltedError(FlashcrashError):
    """A risk control stopped the session."""

    exit_code = 3


class VerificationError(FlashcrashError):
    """A replay or a resumed session did not decide what the recorded rows say it decided."""

    exit_code = 4
