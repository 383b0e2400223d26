"""A plugin package for flashcrash that lives outside of it: one indicator, VPIN."""
