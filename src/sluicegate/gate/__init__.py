"""The only code that knows the order of the steps: plan, run, judge, act.

Here: the order (``gate``), how it opens batches (``opening``), and what comes of it (``outcome``); the steps: ``plan``, ``run``,
``soundness`` (can an engine's answer be judged?), ``judgement``, ``evidence``, ``first`` (was it decided before?), ``split``,
``act``, ``record``; telling people: what there is to tell (``alerts``), how they go on (``commands``), what a run owes them (``errand``),
seeing to it that it leaves (``alerting``), and that as the gate offers it (``telling``); what a report shows of a run (``reporting``); where batches go (``places``, ``stores``); quarantined batches: their life (``items``), their files (``lending``),
going to the target after all (``replay``), being looked after (``keep``), rid of what the dead left (``recover``), and all of that as the gate offers it (``ward``); batches
that were split: committing the ``rest``, and what their broken rows are judged on (``merge``); the decorator (``gated``).

Knows every room of the core; reaches adapters through ``plugins`` alone.
"""
