"""The seeded market generator: a crash on demand, openly synthetic."""
