"""A deterministic simulator of the release engine: one seed, one replayable run, judged by twelve invariants.

Virtual time, no threads, no I/O. The decisions are those of `bot.domain.engine`, unchanged; what carries them out
mirrors the drivers in `bot/services` function by function, over rows in memory that are written by the same
compare-and-set, under the same constraints. `python -m tests.simulation --help` runs it.

============  ================================================================================
`world`       virtual time, hosts and their clocks, processes that are killed and paused, locks
`rows`        the records: compare-and-set, transactions, constraints, triggers, the audit trail
`verdicts`    what the channels' own code makes of each answer, asked once
`platforms`   WeChat mass, WeChat freepublish, Weibo: their journals, faults, late effects
`portal`      the page of the portal, its diary, and the gate of a release that waits for it
`gating`      who asks the portal, and what people decide when time was up
`carrying`    the sender
`working`     clock, staging, looks, callbacks, bells
`people`      what people do, at the worst moments
`scenario`    what one seed plays
`checker`     the twelve invariants, over the platforms' journals, the portal's diary and the rows at rest
`guards`      every guard, and how to take it away
`running`     one seed, a range of seeds, the ledger
============  ================================================================================
"""
