"""How the index stands, as an open page needs to know it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from web.live import Live
from web.rebuild import RebuildState
from web.security import for_the_asker
from web.wording import gettext


@dataclass(frozen=True, slots=True)
class Standing:
    """`generation` serves now, `seen` is the one an open page shows.

    `fault` says why a newer generation is not served, `failure` why none can ever be.
    """

    rebuild: RebuildState
    generation: str | None
    seen: str
    fault: str | None
    failure: str | None

    @property
    def running(self) -> bool:
        """Whether a rebuild is under way in this server."""
        return self.rebuild.state == "running"

    @property
    def outdated(self) -> bool:
        """Whether the open page was answered from an earlier generation."""
        return bool(self.seen and self.generation and self.seen != self.generation)

    @property
    def stage(self) -> str:
        """What a running rebuild is doing, in the reader's language."""
        match self.rebuild.stage:
            case "read":
                return gettext("Reading the documents")
            case "encode":
                return gettext("Turning clauses into vectors")
            case "index":
                return gettext("Writing the index")
            case "verify":
                return gettext("Checking the index")
            case "publish":
                return gettext("Putting it into service")
            case _:
                return gettext("Starting")


def of(live: Live, seen: str = "") -> Standing:
    """How `live` stands for a page that was answered from the generation `seen`."""
    searcher = live.searcher
    generation = searcher.generation if searcher else None
    return Standing(
        rebuild=replace(live.state, error=for_the_asker(live.state.error)),
        generation=generation,
        seen=seen,
        fault=for_the_asker(live.fault),
        failure=for_the_asker(str(live.failure)) if live.failure else None,
    )
