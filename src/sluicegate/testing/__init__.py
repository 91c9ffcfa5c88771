"""What adapter authors test with, shipped and used by our own tests.

Here: a conformance suite per port (``engines``, ``targets``, ``quarantine``, ``recovery``, ``notifiers``); what the one for engines stands on: awkward tables
(``data``), checks on them (``cases``, made of ``row_cases`` and ``dataset_cases``; one is a ``case``), what they mean in plain Python
(``oracle``), comparing (``figures``); a batch in memory (``batches``); breaking storage on purpose (``faults``).
"""
