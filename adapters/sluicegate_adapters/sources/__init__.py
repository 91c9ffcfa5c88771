"""Where batches come from that lie elsewhere: ``s3`` objects in buckets.

Knows ``ports``, ``errors`` and the shared room ``s3``. Must never know what is read there.
"""
