"""Entry scorers."""
