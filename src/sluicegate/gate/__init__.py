"""The only code that knows the order of the steps: plan, run, judge, act.

Knows every room of the core; reaches adapters through ``plugins`` alone.
"""
