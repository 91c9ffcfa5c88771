"""The built-in adapters. Each knows the ports, the checks and the errors of the core, and never another adapter."""
