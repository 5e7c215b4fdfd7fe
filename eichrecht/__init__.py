"""Proof for what an electric car's driver is billed: signed meter data to delivered OCPI CDRs."""
