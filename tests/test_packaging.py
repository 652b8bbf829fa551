"""The wheel holds what it should, and serves the page far away from the checkout."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.parse
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from index.home import Home

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PACKAGES = ("kb", "index", "web")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run to the end and return stdout; fail with what it said on stderr."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "KB_"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what the checkout holds, by the setuptools that is installed."""
    try:
        version = importlib.metadata.version("setuptools")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("no setuptools is installed to build the wheel with")
    if int(version.partition(".")[0]) < 80:
        pytest.skip(f"setuptools {version} is older than pyproject.toml asks for")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", *PACKAGES):
        # setuptools writes beside its sources, which must not be the checkout
        copy(ROOT / name, source / name)
    run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source,
        cwd=folder,
    )  # fmt: skip
    [wheel] = folder.glob("*.whl")
    return wheel


def copy(path: Path, target: Path) -> None:
    """Files and folders, but for caches."""
    if path.is_file():
        target.write_bytes(path.read_bytes())
        return
    target.mkdir()
    for inner in path.iterdir():
        if inner.name != "__pycache__":
            copy(inner, target / inner.name)


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == expected
    data = {name for name in names if not name.endswith(".py")}
    assert {name for name in data if name.startswith("kb/")} == {
        "kb/py.typed",
        "kb/reports/dongcheng-union-five-year-report.txt",
    }
    assert {name for name in data if name.startswith("index/")} == {"index/py.typed"}
    kinds = {"/".join(name.split("/")[:2]) for name in data if name.startswith("web/")}
    assert kinds == {"web/py.typed", "web/static", "web/templates", "web/translations"}
    assert any(name.endswith(".mo") for name in names)


def test_the_wheel_has_its_licence_and_its_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [entry_points] = [n for n in archive.namelist() if n.endswith("entry_points.txt")]
        assert "kb = web.cli:main" in archive.read(entry_points).decode()
        assert any(name.endswith("/licenses/LICENSE") for name in archive.namelist())
        assert any(name.endswith(".dist-info/top_level.txt") for name in archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an empty environment with the wheel in it.

    What the wheel needs is found in the environment of the tests: gigabytes are not installed
    again. That one's own `.pth` files, which lead to the checkout, are not read there.
    """
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps",
        "--no-index", "--disable-pip-version-check", wheel, cwd=folder,
    )  # fmt: skip
    paths = "import sysconfig; print(sysconfig.get_path('purelib'))"
    [own] = run(python, "-c", paths, cwd=folder).splitlines()
    (Path(own) / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder far from the checkout whose files have the names of the packages."""
    for name in PACKAGES:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    return tmp_path


def test_the_packages_come_from_the_wheel(installed: Path) -> None:
    code = "import kb, index, web; print(*(m.__file__ for m in (kb, index, web)), sep='\\n')"
    for file in run(installed / "python", "-c", code, cwd=installed).splitlines():
        assert Path(file).is_relative_to(installed.parent)


def test_help_comes_at_once_and_names_every_command(installed: Path, elsewhere: Path) -> None:
    began = time.monotonic()
    told = run(installed / "kb", "--help", cwd=elsewhere)
    assert time.monotonic() - began < 10
    for command in ("serve", "build", "search", "eval", "doctor"):
        assert re.search(rf"^  {command} ", told, re.MULTILINE)


@contextmanager
def serving(command: Path, folder: Path, home: Home) -> Iterator[str]:
    """`kb serve` on a free port; gives its address once it says so, and ends it in good order."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "KB_"))}
    with subprocess.Popen(
        [command, "--home", home.root, "serve", "--port", "0"],
        cwd=folder,
        env=clean,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = []
        try:
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"http://\S+", line):
                    yield found.group().rstrip("/")
                    break
            else:
                pytest.fail("".join(said))
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert process.returncode == 0


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - loopback
        return str(response.read().decode())


def ready(base: str) -> None:
    """Wait until an index serves."""
    end = time.monotonic() + 120
    while True:
        try:
            fetched(f"{base}/readyz")
        except urllib.error.HTTPError:
            assert time.monotonic() < end
            time.sleep(0.2)
        else:
            return


@pytest.mark.model
def test_the_installed_command_serves_the_page_beside_files_of_the_same_names(
    installed: Path, elsewhere: Path, real_home: Home
) -> None:
    query = urllib.parse.urlencode({"q": "外卖小哥歇脚的地方"})
    with serving(installed / "kb", elsewhere, real_home) as base:
        ready(base)
        answer = json.loads(fetched(f"{base}/api/search?{query}"))
        assert "暖心驿站" in answer["hits"][0]["passage"]["text"]
        page = fetched(f"{base}/?{query}")
        assert "暖心驿站" in page
        for asset in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page)):
            assert fetched(f"{base}{asset}")
        assert "暖心驿站" in fetched(f"{base}{answer['hits'][0]['url']}")
