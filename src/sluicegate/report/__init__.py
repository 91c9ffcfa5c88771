"""Reports of one run, for other programs and for people: made of documents in which classified values are masked.

Here: what a report is made of (``model``), how a run is told, in the same words everywhere (``wording``), the kinds (``page`` with ``chart``:
HTML; ``junit``, ``github``, ``markdown``), and where they go (``destinations``).

Knows ``history`` (what checks measured before). Must never see a batch, nor decide anything about one.
"""
