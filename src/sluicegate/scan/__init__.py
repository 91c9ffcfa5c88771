"""The one scan: what all engines of a run ask of a batch, answered once, each figure in the cheapest way that is exact.

Here: the scan itself (``scan``), what Parquet's statistics decide without it (``statistics``), patterns asked of each text once
(``repeated``), how the values of a key repeat (``keys``, ``witness``), what DuckDB may use for all this (``limits``).

Knows ``checks``, ``ports`` and ``errors``; of a batch, a connection to its view. Must never know where the rows come from, nor who asks.
"""
