"""OCPI transport: JSON, envelope, status codes, headers, token encoding, pagination, errors."""
