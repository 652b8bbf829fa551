"""Fixtures: a library of three short reports, its home, and a searcher over it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings

from index.build import BuildReport, Progress, build
from index.encoder import Encoder, load_encoder
from index.home import Home
from index.search import Searcher
from tests import milvus
from tests.fakes import HashEncoder
from tests.waiting import wait_for
from web import create_app
from web.live import Live
from web.settings import Settings

REPORTS = {
    "union.txt": """五年工作报告

——区总工会工作回顾

一、维护职工权益

成功调解劳动争议案件2700余件,为职工挽回经济损失1.04亿元。开展法律咨询活动,服务职工30万人次。

二、服务户外劳动者

在主要街道临街店铺建立暖心驿站,为快递小哥、外卖送餐员、环卫工人提供饮水、热饭、充电、休息等服务。
""",
    "sports.txt": """职工文体活动总结

举办健步走、书画摄影展和歌咏比赛,参与职工113万余人次,开设兴趣班208期,丰富了职工的业余生活。
""",
    "budget.md": """# 经费预算

## 收入

全年收入2573万元,全部用于支持基层工会开展工作,并按规定向社会公开😀。

## 支出

严格控制“三公”经费使用,强化预算管理,推进经审工作全覆盖。
""",
}


# what a property says of an example holds however long a busy machine takes over it
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# settings that tests read themselves
OWN = {"KB_HOME", "KB_SHARED", "KB_TEST_MILVUS", "KB_STORE_TOKEN", "KB_CHROMIUM"}


def pytest_configure() -> None:
    """Keep from the program how whoever runs the tests has set it up.

    Above all a store, into which the tests would build, and a proxy on the way to this machine.
    """
    for name in [each for each in os.environ if each.startswith("KB_") and each not in OWN]:
        del os.environ[name]
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = ",".join(filter(None, (direct, "127.0.0.1", "localhost")))


def new_home(root: Path) -> Home:
    """The three mini reports in a home at `root`."""
    home = Home(root, root / "documents")
    home.documents.mkdir(parents=True)
    for name, text in REPORTS.items():
        (home.documents / name).write_text(text, encoding="utf-8")
    return home


@pytest.fixture
def encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose library holds the three mini reports; nothing is built yet."""
    return new_home(tmp_path / "home")


@pytest.fixture(scope="module")
def module_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same for all tests of a module that only ask."""
    return new_home(tmp_path_factory.mktemp("module") / "home")


@pytest.fixture
def searcher(home: Home, encoder: HashEncoder) -> Iterator[Searcher]:
    """Over the built index of the mini reports."""
    build(home, encoder)
    searcher = Searcher.open(home, encoder)
    yield searcher
    searcher.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data folder beside the checkout; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("KB_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no data folder {folder}")
    return folder


@pytest.fixture(scope="session")
def model_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Holds the packaged model: `KB_HOME` where that is set, which saves making it again."""
    root = Path(os.environ.get("KB_HOME") or tmp_path_factory.mktemp("model")).absolute()
    return Home(root, root / "documents")


@pytest.fixture(scope="session")
def real_encoder(model_home: Home) -> Encoder:
    """The packaged model."""
    return load_encoder(model_home)


@pytest.fixture(scope="session")
def real_home(
    model_home: Home, real_encoder: Encoder, tmp_path_factory: pytest.TempPathFactory
) -> Home:
    """The shipped report indexed by the packaged model, which other processes find there too."""
    root = tmp_path_factory.mktemp("real") / "home"
    root.mkdir()
    (root / "model").symlink_to(model_home.model, target_is_directory=True)
    home = Home(root, root / "documents")
    build(home, real_encoder)
    return home


@pytest.fixture(scope="session")
def real_searcher(real_home: Home, real_encoder: Encoder) -> Iterator[Searcher]:
    """Over the shipped report, by the packaged model."""
    with closing(Searcher.open(real_home, real_encoder)) as searcher:
        yield searcher


@pytest.fixture
def live(home: Home, encoder: HashEncoder) -> Iterator[Live]:
    """Serving the mini reports, following and rebuilding as a server does."""
    build(home, encoder)
    live = Live(home, lambda: encoder)
    live.start()
    wait_for(lambda: live.searcher is not None)
    yield live
    wait_for(live.stop)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set; cleared, it holds the rebuilds of servers at their next step."""
    gate = threading.Event()
    gate.set()

    def gated(*given: Any, progress: Callable[[Progress], None], **more: Any) -> BuildReport:
        def step(now: Progress) -> None:
            progress(now)
            assert gate.wait(60)

        return build(*given, progress=step, **more)

    monkeypatch.setattr("index.build.build", gated)
    return gate


@pytest.fixture
def client(live: Live) -> FlaskClient:
    """Asks the application over `live`, from this machine."""
    return create_app(live, settings=Settings()).test_client()


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Milvus."""
    milvus.require()
    if milvus.CLUSTER:
        yield milvus.CLUSTER
        return
    server = milvus.Server(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server.address
    server.stop()
