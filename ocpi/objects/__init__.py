"""OCPI objects: one canonical model per object; versions differ only on the wire."""
