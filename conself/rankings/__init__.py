"""Rankings: ``(Pool, Agreement, PassingMatrix | None) -> Ranked``, which candidate is better. One file per rule.

None of them knows what is right, and none needs training. Winners, losers and weights of pairs, the answer that voters
give and the selectors that are reported all come from them.
"""
