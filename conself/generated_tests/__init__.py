"""Tests that a model writes, as data: an input and the output claimed for it. Nothing of them is ever executed.

``reader`` reads them from a reply (asserts and calls: ``statements``, lists: ``lists``) or from a line of a pool,
``passing`` says which candidate passes which. A generated test is no oracle, for it may be wrong, and no part of its
problem.
"""
