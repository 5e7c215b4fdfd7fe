"""CDR arithmetic: totals, reconciliation, credit."""
