"""Tariff engine: compile, match, step_size, limits, breakdown."""
