"""Alerts against real servers: ``servers`` has an SMTP server and a webhook's address that can be made to fail."""
