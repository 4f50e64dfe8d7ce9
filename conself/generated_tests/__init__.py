"""Tests that a model writes, as data: an input and the output claimed for it. Nothing of them is ever executed.

``reader`` reads them from a reply (asserts and calls: ``statements``, lists: ``lists``) or from a line of a pool,
``passing`` computes which candidate passes which. A generated test is no oracle, because it may be wrong, and not part
of its problem.
"""
