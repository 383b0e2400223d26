"""One seed, many independent streams of random numbers, split by name.

Every consumer of randomness draws from its own named stream, so that a change in one (more quotes, say) leaves the others as
they were. Names are hashed with SHA-256, never with ``hash()``, which differs between processes.
"""

import hashlib
import random

import numpy as np

__all__ = ["fast_stream", "vector_stream"]


def _derive(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"flashcrash-simulation:{seed}:{name}".encode()).digest()[:16], "big")


def fast_stream(seed: int, name: str) -> random.Random:
    """A generator for one number at a time (Mersenne twister)."""
    return random.Random(_derive(seed, name))


def vector_stream(seed: int, name: str) -> np.random.Generator:
    """A generator for whole arrays (PCG64)."""
    return np.random.Generator(np.random.PCG64(_derive(seed, name)))
