"""Simulated signing meters: keys, good and tampered records, expected verdicts (throw-away keys only)."""
