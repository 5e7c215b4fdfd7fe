"""Signed meter formats: one module per format, bytes in, :class:`SignedRecord` out."""
