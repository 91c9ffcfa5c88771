"""From YAML to one frozen Contract: all faults at once, each with its place and a hint.

In the order of the way:

- a file becomes a tree that knows its places: ``yaml_source``, ``nodes``, ``scalars``, ``interpolate``;
- a tree becomes dataclasses: ``decode``; the native format's are in ``documents``;
- checks: as contracts write them (``entries``, ``sections``), with values that mean something (``check_rules``), implied by schema
  and SLA (``implied``), named (``naming``), with what they let pass (``tolerances``) and the datasets that they read beside the batch (``references``);
- one module per format: ``dialects``; all yield the same Contract (``model``); ``loader`` is the way in, ``shelf`` the one that remembers;
- what follows from a contract or from the format: ``lint``, ``placing`` (in which place of the target), ``scaffold``, ``json_schema``, ``reference_page``.

Knows ``checks`` and ``errors``. Must never know an engine or a batch.
"""
