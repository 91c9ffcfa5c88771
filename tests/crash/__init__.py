"""The proof: whatever is done with a batch is killed everywhere, raced and interleaved, in every world, and nothing is lost or doubled.

``shop``: contracts, deliveries, and the commands that are killed; ``worlds``: pairs of a target and a store, and how to read them
without them; ``foreman``: a process that forks workers and kills or stops them at a chosen moment; ``crew``: how tests speak to it;
``truth``: what must hold at any time, and what must hold in the end; ``leavings``: workers that died at a chosen moment; ``deaths``:
killing everywhere, and killing the recovery, too; ``bucket_works``: requests of a store and a target alone; ``planted``: bugs that must be
found; ``summary``: how many points and deaths it were.

``replay_shop`` is the smallest shop, opened in the test's own process, for suites elsewhere.
"""
