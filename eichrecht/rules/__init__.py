"""Calibration-law and plausibility rules over records and transactions, in profiles."""
