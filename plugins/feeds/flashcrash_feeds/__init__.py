"""Feed plugins: the simulated market, raw captures, Tardis and Binance bulk files."""
