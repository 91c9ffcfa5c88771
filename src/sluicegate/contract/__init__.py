"""From YAML to one frozen Contract: reading, all faults at once with their places, dialects, lint.

Knows ``checks`` and ``errors``. A dialect is one module in ``dialects/`` that yields the same Contract. Must never know an
engine or a batch.
"""
