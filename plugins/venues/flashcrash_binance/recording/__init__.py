"""The recorder: what a feed accepted, as lines in compressed files by symbol and hour, so that a replay decides the same."""
