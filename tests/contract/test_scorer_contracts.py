"""The shipped scorers keep the contract of scorers, by the same lines that a stranger writes."""

from flashcrash_core.testing.contracts import ScorerContract


class TestWeighted(ScorerContract):
    """The weighted scorer, as shipped."""

    plugin = "weighted"


class TestWeightedForResearch(ScorerContract):
    """The weighted scorer as it suggests itself for data without a book."""

    plugin = "weighted"
    config = {"mode": "renormalise", "liquidity_gate": False}  # noqa: RUF012 - the line as an author writes it
