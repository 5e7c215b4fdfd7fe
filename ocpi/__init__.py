"""OCPI for Python: objects, versions, transport, client, server, tariff engine, CDR arithmetic."""
