"""The batteries, one module (or package) per kind of plugin; each has its checks in order in ``CHECKS``."""
