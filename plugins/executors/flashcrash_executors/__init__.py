"""Executors: backtest and paper."""
