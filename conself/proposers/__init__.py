"""Problems that a model writes itself, with the inputs to run their solutions on.

``proposer`` is the contract, ``ucoder`` the chain of UCoder: propose, rate, skeleton, tests. ``replies`` reads what the
model answers, ``sieve`` leaves out what is repeated or stands in a benchmark, ``briefs`` draws what is asked for.
Nothing that a model wrote is executed here. The outputs that it claims stay in a table of their own, which
``claims`` writes and reads, and which no training code can import.
"""
