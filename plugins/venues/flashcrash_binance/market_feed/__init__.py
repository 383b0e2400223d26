"""The live feed's core, without sockets or clocks: what to connect, what the messages mean, whether the book may be trusted."""
