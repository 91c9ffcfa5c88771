"""From results to a verdict: outcomes, thresholds, the policy's decision, and the JSON document. Pure functions.

Knows ``contract``'s model, ``checks`` and ``ports``' values. Must never run, read or write anything.
"""
