"""Planted fault: goes on with the last price while the book is unusable. Caught by: unusable_book_is_missing."""

from contract.planted_base.indicator import PLUGIN, offering, step

CAUGHT_BY = "unusable_book_is_missing"
flashcrash_plugin = PLUGIN


def stubborn(state, row, params):
    return step(state, row._replace(book_usable=1), params)


flashcrash_indicators = offering(program={"step": stubborn})
