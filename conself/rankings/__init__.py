"""Rankings: ``(Pool, Agreement, PassingMatrix | None) -> Ranked`` order candidates. One file per rule.

They use no oracle and need no training. They decide the winners, losers and weights of pairs, the voters' answers
and the reported selectors.
"""
