"""Fuzz targets of the parsers, for atheris and for a short run inside pytest; see ``fuzz/__main__.py``."""
