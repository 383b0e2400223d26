"""The batch engine: recorded time as columns, scanned while the market sleeps and stepped event by event where the design says act.

It needs the ``fast`` extra (numba). Its decisions are those of the streaming engine, to the bit; tests hold that.
"""
