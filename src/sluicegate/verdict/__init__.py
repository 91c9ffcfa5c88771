"""From results to a verdict: pure functions.

Here: outcomes, verdict and decision (``model``), thresholds and severities (``judge``), the contract's policy (``policy``), the JSON
document (``document``), what is masked in it (``masking``), and which checks may read what is to be masked (``reading``).

Knows ``contract``'s model, ``checks`` and ``ports``' values. Must never run, read or write anything.
"""
