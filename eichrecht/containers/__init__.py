"""Unwrapping: what lies around a signed record is removed layer by layer, and each layer is named."""
