"""A distribution of its own: its tests are run where it is installed, by ``tests/architecture/test_example_adapter.py``."""

collect_ignore = ["tests", "src"]
