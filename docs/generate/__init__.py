"""Writes the generated pages of docs/: hooks, checks and one page with a plot per indicator. ``make docs`` runs it."""
