"""The engines: one package each, with the port in ``engine``. A check in an engine's own words is its translation."""
