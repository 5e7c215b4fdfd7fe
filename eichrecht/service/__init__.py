"""The HTTP service: composition root, operator API, transparency API and pages."""
