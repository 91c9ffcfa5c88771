"""Telling people: what happened becomes an alert, alerts become messages, messages reach services; once, and without secrets.

Here:

- what channels are, and when they want to hear (``model``); the file that says so (``settings_file``, its keys in ``settings_document``, ``json_schema``);
- what sends each channel's messages (``opening``, kept in ``notifiers``); whom a contract wants told and nobody will be (``reach``);
- which alert goes where and when (``routing``);
- how messages leave (``deliver``), by a thread for each service (``carrier``), and again if they did not (``retry``);
- what a message may say (``facts``), in what sentences (``wording``), how it is written (``templates``, which run in the ``sandbox`` and
  write facts in the ``dialects`` of the formats), an example of each (``samples``),
  and what could be told of a run on record (``recall``).

Knows ``history`` (where the outbox is), ``ports`` and ``plugins``. Must never decide anything about a batch.
"""
