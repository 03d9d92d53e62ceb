"""Crash-point runs: real processes, `kill -9` just before and just after every commit and every byte that is sent.

    python -m tests.crash --database sqlite --range 0:1400 --ledger docs/proof/crash-points.md

One run plays one signed release on the rehearsal platforms (real HTTP on loopback). The parent holds no thread and no
database connection; for each run it forks a platform server, the victim (the engine's own steps: tick, stage, hand out,
send, look, record), then, when the victim is dead, a recovery, and the judge (tests/support/judge.py). What is watched is
wrapped inside the victim (points.py); the product has no hook for it.

Time is the machine's, moved on by an offset that all processes of a run share (clockwork.py): where the engine would wait
for minutes, the offset grows. Nothing else about time is squeezed: the signed instant, every delay of the timeline, the
database's rules, the locks and the check against the platform's `Date` are those of the product, and the last 100 ms
before T pass for real.
"""
