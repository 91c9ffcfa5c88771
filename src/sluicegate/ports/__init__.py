"""The doors of the house: Protocols that adapters fill, and the frozen values that pass through them.

Knows ``checks`` and ``errors``. Must never know an adapter, the contract's formats, or the order of the gate's steps.
"""
