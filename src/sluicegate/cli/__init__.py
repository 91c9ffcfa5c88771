"""The command line: arguments in, a report and an exit code out. No logic of its own.

Here: the parser, one module per family of verbs, the screen (plain text in a pipe, colours on a terminal), the reports.
May know every room of the core. Must never decide anything about a batch, nor import an adapter.
"""
