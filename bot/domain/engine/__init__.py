"""The release engine's decisions: what follows from what is known of one publication at one instant.

Pure functions over `Facts` (one publication as its row and attempts tell) and an instant; the answer is a `Step`, an
event of the delivery table with the columns that change. The services load facts, ask, and write the step by
compare-and-set; the simulator (`tests/simulation`) does the same over rows in memory, in virtual time.

==============  ==========================================================================
`handing_out`   may it go now? what a claim, a batch and a lane need
`sender`        the order of the last 15 seconds, as data
`answers`       what an answer, or none, to the public call means
`looking`       what a look, a callback or a replay of the same key means
`staging`       what staging did
`recovery`      what a dead process left
`people`        signed, resumed, sent again, settled
`resending`     sent again by two people: the same act, or a new one with a new key
`stopping`      hold, cancel, freeze: what they still reach
`sentences`     what a reason may claim of a push that was tried before
==============  ==========================================================================
"""
