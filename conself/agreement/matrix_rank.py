"""The rank of a passing matrix over the rationals, without any rounding."""

from collections.abc import Sequence


def rational_rank(rows: Sequence[Sequence[bool | int]]) -> int:
    """Return the dimension over the rationals of the rows' span; 0 without rows or columns.

    Fraction-free elimination (Bareiss, Mathematics of Computation 22, 1968): every division below leaves no remainder,
    and the integers stay minors of the matrix. Neither GF(2), in which [[0,1,1],[1,0,1],[1,1,0]] has rank 2, nor a
    tolerance on singular values gives the same.

    Args:
        rows: N rows of M integers each.

    Raises:
        ValueError: rows have different lengths.
    """
    distinct = list(dict.fromkeys(tuple(map(int, row)) for row in rows))
    columns = list(dict.fromkeys(zip(*distinct, strict=True)))
    matrix = [list(row) for row in zip(*columns, strict=True)]
    rank, divisor = 0, 1
    for column in range(len(columns)):
        pivot = next((place for place in range(rank, len(matrix)) if matrix[place][column]), None)
        if pivot is None:
            continue
        matrix[rank], matrix[pivot] = matrix[pivot], matrix[rank]
        top = matrix[rank]
        for row in matrix[rank + 1 :]:
            factor = row[column]
            row[column:] = [
                (top[column] * a - factor * b) // divisor for a, b in zip(row[column:], top[column:], strict=True)
            ]
        rank, divisor = rank + 1, top[column]
    return rank
