"""The eight market-microstructure indicators, one module each."""
