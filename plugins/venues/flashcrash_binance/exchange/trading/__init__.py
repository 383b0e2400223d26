"""The trading side of the local exchange: an account, orders, matching against the played market, what clients are told."""
