"""The only code that knows the order of the steps: plan, run, judge, act.

Here: the order (``gate``), and a module for each step: ``plan``, ``run``, ``judgement``, ``evidence``, ``act``, ``record``; the decorator
(``gated``).

Knows every room of the core; reaches adapters through ``plugins`` alone.
"""
