"""Layers that make images ready, and different each time they are trained on; their names are in ``layers``."""
