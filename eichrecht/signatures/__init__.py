"""Public keys in every shape of the field, curves, and verification backends."""
