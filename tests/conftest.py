"""Tests of the pytest plugin run pytest inside pytest; that needs pytest's own fixture for it."""

pytest_plugins = ["pytester"]
