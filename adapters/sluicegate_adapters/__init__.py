"""The built-in adapters, one folder per port: ``engines``, ``targets``, ``quarantine``.

Each knows the ports, the checks and the errors of the core, and never another adapter. ``local_files`` is no adapter: it is how
those that keep things on a local disk do so durably.
"""
