"""The tree is the architecture: imports run one way, heavy libraries have one home each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(p for package in ("kb", "index", "web") for p in (ROOT / package).rglob("*.py"))
IDS = [path.relative_to(ROOT).as_posix() for path in MODULES]

ABOVE = {"kb": {"index", "web"}, "index": {"web"}, "web": set()}
# who may import what is slow to load, or what another library could take the place of
HOMES = {
    "sentence_transformers": {"index/encoder.py", "index/sentence_model.py"},
    "transformers": {"index/encoder.py"},
    "torch": {"index/encoder.py", "index/sentence_model.py"},
    "sentencepiece": {"index/tokenizer.py"},
    "onnx": {"index/graph.py", "index/products.py"},
    "onnxruntime": {"index/products.py", "index/quantising.py", "index/runtime.py"},
    "faiss": {"index/dense.py"},
    "tantivy": {"index/lexical.py"},
    "opencc": {"index/folding.py"},
    "ray": {"index/cluster.py"},
    "waitress": {"web/server.py"},
    "pymilvus": {"index/milvus/client.py"},
}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    """Every module named by an import, those inside functions and for types too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports by a relative name"
            yield node.module or ""


def test_the_packages_are_found() -> None:
    assert len(MODULES) > 60
    assert {name.split("/")[0] for name in IDS} == {"kb", "index", "web"}


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_imports_run_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    packages = {name.split(".")[0] for name in imported(path)}
    assert packages & ABOVE[package] == set()
    assert "tests" not in packages


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_is_imported_in_one_place(library: str) -> None:
    users = {
        name
        for name, path in zip(IDS, MODULES, strict=True)
        if any(module.split(".")[0] == library for module in imported(path))
    }
    assert users == HOMES[library]


# how one machine keeps a generation: what asks or shows must work over any other store as well
PARTS = {f"index.{name}" for name in ("generation", "local", "snapshot", "dense", "lexical")}
ASKING = [
    (name, path)
    for name, path in zip(IDS, MODULES, strict=True)
    if name.startswith("web/") or name in {"index/search.py", "index/query.py", "index/ranking.py"}
]


@pytest.mark.parametrize(("name", "path"), ASKING)
def test_who_asks_does_not_know_where_a_generation_is_kept(name: str, path: Path) -> None:
    whole = set(imported(path)) | {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert whole & PARTS == set()


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_a_module_says_first_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""')
    first = (ast.get_docstring(tree(path)) or "").splitlines()[0]
    assert len(first) > 20


def public(path: Path) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef]]:
    """Classes and functions that other modules may use, methods included."""
    for node in tree(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                        yield f"{node.name}.{inner.name}", inner


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_what_is_public_has_a_docstring(path: Path) -> None:
    assert [name for name, node in public(path) if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_a_module_fits_in_the_head(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 265


def test_the_median_module_is_short() -> None:
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES)
    assert lengths[len(lengths) // 2] <= 120


def test_no_module_is_named_for_leftovers() -> None:
    assert {path.stem for path in MODULES} & {"utils", "util", "helpers", "common", "misc"} == set()


def test_nothing_is_pickled() -> None:
    names = {module for path in MODULES for module in imported(path)}
    assert names & {"pickle", "joblib", "dill", "cloudpickle", "shelve"} == set()
