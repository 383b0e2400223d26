"""The shell around the feed core: sockets, REST and the clock. Nothing in here decides anything about the market."""
