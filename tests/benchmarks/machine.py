"""The machine of the figures, as it names itself."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# instructions that decide how fast a model runs
_TELLING = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "asimddp")
_LIBRARIES = ("sentence-transformers", "torch", "onnxruntime", "faiss-cpu", "txtai", "lancedb")


@dataclass(frozen=True, slots=True)
class Machine:
    """`load` is the run queue of the minute before: other work makes every figure worse."""

    cpu: str
    cores: int
    flags: tuple[str, ...]
    system: str
    python: str
    versions: dict[str, str]
    load: float

    def __str__(self) -> str:
        flags = f", {' '.join(self.flags)}" if self.flags else ""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return (
            f"{self.cpu}, {self.cores} cores{flags}; {self.system}; Python {self.python}; "
            f"{versions}; load before the run {self.load:.1f}"
        )


def this_machine() -> Machine:
    """Read from the system."""
    fields = _cpu()
    flags = fields.get("flags", fields.get("Features", "")).split()
    return Machine(
        fields.get("model name") or platform.processor() or platform.machine(),
        os.cpu_count() or 1,
        tuple(flag for flag in _TELLING if flag in flags),
        f"{platform.system()} {platform.machine()}",
        platform.python_version(),
        dict(_versions()),
        os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"),
    )


def _cpu() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _versions() -> list[tuple[str, str]]:
    found = []
    for name in _LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found
