"""Orders at the venue, sans-I/O: what is sent, what it came to, and what is done while nobody knows."""
