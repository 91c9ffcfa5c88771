"""The S3 quarantine store against real servers over HTTP, started here: a server that is right, one that isn't, a bad network."""
