"""Market data: events, instruments, the order book, the event clock, bars and feature rows. Knows nothing of trading."""
