"""The simulated venue: latency, fill models, takers and stress (reference/microstructure.md section 6)."""
