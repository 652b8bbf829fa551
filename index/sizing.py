"""How the nearest clauses are found, by how many there are: the rule, and what it was chosen from.

Up to `EXACT` clauses a query is compared with every vector. Beyond that each `PIECE` of them is
searched by 4-bit codes first (FAISS `IndexPQFastScan`, a code for every `CODED` dimensions),
`REFINED` times as many as are wanted are taken, and these are compared with the vectors themselves,
so that the order of what is found is exact. A last piece that is small is always compared exactly.
A store that finds vectors elsewhere may go by `EXACT` as well.

Measured on one core of an EPYC with AVX-512, 384 dimensions, clause vectors of real reports mixed
two by two, 200 questions; recall is that of the ten best passages of an exact search. Of 262,144:

| index                                        | recall@10 | CPU ms | bytes a clause | build s |
|----------------------------------------------|-----------|--------|----------------|---------|
| every vector (`IndexFlatIP`)                 | 1.000     | 10.3   | mapped only    |   0     |
| 8-bit scalars, all of them                   | 1.000     |  5.2   | 384            |   0.2   |
| 4-bit codes, all of them, 192 a clause       |  .9985    |   .8   |  96            |   1.6   |
| the same, 400 refined for 200                | 1.000     |   .8   |  96            |   1.6   |
| 4-bit codes, 96 a clause                     |  .916     |   .2   |  48            |   1.1   |
| RaBitQ, 1 bit a dimension                    |  .927     |  1.3   |  56            |   0.5   |
| IVF 1024, 8-bit scalars, 64 lists of them    |  .924     |   .8   | 392            |   4.5   |
| IVF 1024, 8-bit scalars, 128 lists of them   |  .963     |  1.6   | 392            |   4.5   |
| IVF 512, 4-bit codes, 128 lists of them      |  .981     |   .3   | 110            |   3.4   |
| HNSW 16 on the vectors, ef 400               |  .979     |  1.1   | 1680           | 290     |

Questions lie far from clauses (the tenth best cosine is .42), so that lists and graphs have to look
at much to miss little. Codes look at all of it: their time and their building are linear, building
needs the memory of one piece, equal input gives equal files, and nothing is lost within a scope.
"""

from __future__ import annotations

# 2.5 ms of one core, where codes would take .2: not worth a second file and an approximation.
EXACT = 65_536

# What a scope has of a piece at either end is compared exactly: as many as are fast.
PIECE = EXACT

CODED = 2  # dimensions a code: one for four would be half the size, and lose a tenth (see above)
REFINED = 2  # of 200 wanted, 70 % are found without, 89 % by twice as many; of the ten best all
TRAINED = 16_384  # clauses of a piece, evenly spaced, that its codes are learned from


def coded(clauses: int) -> list[tuple[int, int]]:
    """The half-open ranges of clauses that have codes, in order, from the first clause on."""
    if clauses <= EXACT:
        return []
    firsts = range(0, clauses, PIECE)
    pieces = [(first, min(first + PIECE, clauses)) for first in firsts]
    return [(first, last) for first, last in pieces if last - first >= PIECE // 4]
