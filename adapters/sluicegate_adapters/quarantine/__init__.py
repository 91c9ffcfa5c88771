"""Where refused batches wait: one module per quarantine store (``local``)."""
