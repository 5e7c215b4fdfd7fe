"""OCPI server: an ASGI application for versions, credentials, tariffs and CDRs; storage behind Protocols."""
