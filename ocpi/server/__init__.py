"""OCPI server routers; storage stands behind Protocols."""
