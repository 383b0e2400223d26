"""Trading: orders and their states, positions, the ledger, the risk gate, matching and the strategy seam."""
