"""Problems that a model writes itself, with inputs to run their solutions on.

``proposer`` is the contract, ``ucoder`` the chain of UCoder: propose, rate, skeleton, tests. ``replies`` parses the
model's answers, ``sieve`` drops duplicates and benchmark problems, ``briefs`` draws topics. Nothing that a model wrote
is executed here. Claimed outputs are kept in a separate table, by ``claims``, which training code cannot import.
"""
