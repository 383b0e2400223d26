"""The shipped store passes the conformance battery, with either promise about loss of power."""

from typing import ClassVar

from flashcrash_core.testing import StoreContract


class TestSqlite(StoreContract):
    plugin = "sqlite"


class TestSqliteWithFullSync(StoreContract):
    plugin = "sqlite"
    config: ClassVar = {"synchronous": "full"}
