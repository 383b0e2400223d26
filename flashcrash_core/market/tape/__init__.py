"""Tapes: one symbol's day of events as columns on disk, made once, hashed, read by both engines."""
