"""How messages leave: ``slack``, ``teams``, ``pagerduty`` and ``mail`` write what those services take; ``anything`` has every other URL of apprise.

``sending`` hands all of them to apprise and says what came of it; ``wire`` watches meanwhile what goes over the network, and keeps secrets
out of logs; ``settings`` reads a channel's keys. Knows ``ports`` and ``errors``. Must never know what an alert is, nor try anything twice.
"""
