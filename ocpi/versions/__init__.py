"""OCPI versions: only the differences on the wire, never copies of the model."""
