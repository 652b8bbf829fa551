"""Photo captions: short lines that the layout set apart, which no section owns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.blocks import Block, is_table_row, usual_gap

_SAYS_SO = re.compile(
    r"(?:图为|[上下左右]图[为是：:]?|图\s?[\d一二三四五六七八九十]+[\s:：、]|[▲△▼])"
)
_CREDIT = re.compile(r"(?:摄影?|供图|资料图片?)[）)]?$")
_CAPTION_MAX = 120
# A signature is shorter than any picture's description.
_CAPTION_MIN = 6


def caption_runs(blocks: Sequence[Block], taken: set[int], given: set[int]) -> tuple[range, ...]:
    """Return the runs of blocks that are captions, in order.

    A run is two or more unfinished lines after the first running text, most of them at more
    than the usual distance; a line that body text follows at the usual distance is a heading
    and ends the run before it. A line that says it is a caption is one by itself. `taken` are
    blocks known to be other things, `given` those the source marks as captions.
    """
    if given:
        return _neighbours(sorted(given - taken))
    gap = usual_gap(blocks)
    runs: list[range] = []
    at = next((i for i, block in enumerate(blocks) if block.prose), len(blocks))
    while at < len(blocks):
        stop = at
        while stop < len(blocks) and stop not in taken and _may_be(blocks[stop]):
            stop += 1
        ends_in_heading = stop > at and _is_heading(blocks, stop - 1, gap)
        runs += _set_apart(blocks, range(at, stop - ends_in_heading), gap)
        at = max(stop, at + 1)
    return tuple(runs)


def _neighbours(indexes: Sequence[int]) -> tuple[range, ...]:
    runs: list[range] = []
    for index in indexes:
        if runs and runs[-1].stop == index:
            runs[-1] = range(runs[-1].start, index + 1)
        else:
            runs.append(range(index, index + 1))
    return tuple(runs)


def _may_be(block: Block) -> bool:
    return _announced(block) or (
        not block.ended
        and not block.prose
        and block.label is None
        and not is_table_row(block.text)
        and _CAPTION_MIN <= len(block.text) <= _CAPTION_MAX
    )


def _announced(block: Block) -> bool:
    text = block.text
    return len(text) <= _CAPTION_MAX and bool(_SAYS_SO.match(text) or _CREDIT.search(text))


def _is_heading(blocks: Sequence[Block], index: int, gap: int) -> bool:
    follows = blocks[index + 1] if index + 1 < len(blocks) else None
    return follows is not None and follows.prose and follows.gap <= gap and blocks[index].loose


def _set_apart(blocks: Sequence[Block], run: range, gap: int) -> list[range]:
    """The run if its distances make it captions; else those of its lines that say they are."""
    wide = sum(blocks[i].gap > gap for i in run)
    dated = any(blocks[i].dated for i in run)
    if len(run) >= 2 and 2 * wide >= len(run) and blocks[run[0]].gap > gap and not dated:
        return [run]
    return [range(i, i + 1) for i in run if _announced(blocks[i])]
