"""What runs as a process of its own: ``hand_written`` and ``statement`` (the limit), ``in_process``, ``small_batches``."""
