"""What reference contracts cost, counted and not timed: a run that asks more of the machine than the last one fails here.

Why, and what it doesn't see: docs/adr/0012-cost-is-counted.md.

- ``references``: the contracts and batches that are counted;
- ``counted``: one of them in a process of its own, with everything that is counted wrapped;
- ``figures``: how they are written and compared; ``figures.toml``: what they came to; ``python -m tests.cost`` writes it anew.
"""
