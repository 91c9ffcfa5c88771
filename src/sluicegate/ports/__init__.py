"""The doors of the house: Protocols that adapters fill, and the frozen values that pass through them.

Here: what executes checks (``engine``), what it sees of a batch (``batch``) and asks of it (``statements``), what a Python rule gets (``rules``); where batches come from that lie elsewhere (``source``), go
(``target``) and wait (``quarantine``; ``manifests``: what is held against what people edit), and what dead workers left there (``recovery``); who is told (``notifier``); how names become paths (``names``) and content a hash (``fingerprint``).

Knows ``checks`` and ``errors``. Must never know an adapter, the contract's formats, or the order of the gate's steps.
"""
