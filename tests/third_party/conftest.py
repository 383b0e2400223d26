"""Distributions of their own: their tests run where they are installed (tests/e2e/test_third_party.py), not from here."""

collect_ignore_glob = ["*/*"]
