"""What Binance plugins share: message codecs."""
