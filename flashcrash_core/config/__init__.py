"""Configuration: layered TOML, structuring, shipped profiles and instruments."""
