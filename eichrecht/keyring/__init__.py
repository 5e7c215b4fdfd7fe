"""Which key belongs to which charge point, since when, and who says so."""
