"""Delivery ledger and worker: a CDR leaves once, and provably arrives."""
