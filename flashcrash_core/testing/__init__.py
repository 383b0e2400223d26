"""Public test support for plugin authors."""
