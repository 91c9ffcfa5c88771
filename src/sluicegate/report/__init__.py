"""Reports of one run as files for other programs and for people: made of documents in which classified values are masked.

Here: how a run is told, in the same words everywhere (``wording``).

Knows ``history`` (what checks measured before). Must never see a batch, nor decide anything about one.
"""
