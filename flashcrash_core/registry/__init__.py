"""Plugin discovery, the --plugins grammar, loading and its records."""
