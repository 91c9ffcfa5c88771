"""What is measured, and how: ``make bench`` (a quick set), ``make bench-full`` (what RESULTS.md and the README tell).

- ``cases``: what is measured, as data; ``bars``: what is asked of it;
- ``data``, ``contracts``: what it is measured on; ``workshop``: where they lie while it is measured;
- ``measure``: whole processes in turn; ``scripts``: what runs as a process beside the command line;
- ``peers``: other tools, each in an environment of its own, and whether they find the same faults;
- ``three_engines``: one contract for three of them, and the same without a gate;
- ``large``: 5 GB in 600 MB; ``tables``, ``chart``: what comes of it, for people.
"""
