"""A local exchange that speaks Binance on loopback: a test bench for feeds, and the market of examples.

``core`` decides everything and does no I/O; ``server`` gives it sockets. Nothing but tests and the command
``flashcrash exchange`` imports it (tests/layout/test_imports.py).
"""
