"""Soda Core behind the engine port: SodaCL is written here, run here, and told truly. Nothing of it is imported before a run."""
