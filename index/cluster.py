"""The Ray that a build is spread over: one of its own on this machine, or a cluster that is there.

The only module that imports Ray, and not before it is asked for.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from index.cores import usable_cores
from kb.errors import RayFailed

_ANSWER_SECONDS = 30.0  # in which a cluster takes us in: Ray itself would try for minutes
_TRY = "import sys, ray; ray.init(sys.argv[1], log_to_driver=False)"
_SILENT_SECONDS = 300.0  # without any result: a model that is loaded anew takes a tenth of it

_DEATHS = 10  # of workers that load the model, one after the other, before none is tried again
_OBJECTS = 1 << 30  # bytes of shared memory that a Ray of our own has; more goes to its disk
_BLOCK = 16 << 20  # bytes that a worker hands over at once: the vectors of some sixty passages

# What a Ray of our own is told before it is imported: to listen on this machine alone and to those
# who know a word that is made for one build, and to send nothing to anybody.
_ALONE = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "5",  # in place of 60: it dies when this process does
}
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """The module `ray`, connected with the cluster at `address`, HOST:PORT, or with its own.

    What is started is stopped at the end. Raises `RayFailed`.
    """
    if find_spec("ray") is None:
        raise RayFailed("it is not installed here: pip install 'report-kb[ray]'")
    with ExitStack() as stack:
        stack.enter_context(_environment(_QUIET))
        # warnings of lost workers would stand between the lines of an answer
        stack.enter_context(redirect_stdout(stack.enter_context(Path(os.devnull).open("w"))))
        yield stack.enter_context(_joined(address) if address else _started())


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """What a process started meanwhile finds; those set by the user stay as they are."""
    new = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


@contextmanager
def _started() -> Iterator[Any]:
    """A Ray of this process alone, gone with it."""
    # not in the home: the paths of its sockets may have 107 bytes
    folder = tempfile.mkdtemp(prefix="kb-ray-")
    word = {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        with (
            _environment({**_ALONE, **word}),
            _connected("local", _temp_dir=folder, **_own()) as ray,
        ):
            yield ray
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own() -> dict[str, Any]:
    return {
        "num_cpus": usable_cores(),
        "object_store_memory": _OBJECTS,
        "include_dashboard": False,
    }


@contextmanager
def _joined(address: str) -> Iterator[Any]:
    """The cluster at `address`, once a process that can be given up has been in it."""
    try:
        _try(address)
    except (OSError, ValueError, OverflowError, subprocess.SubprocessError) as error:
        raise RayFailed(
            f"no Ray answers at {address} within {_ANSWER_SECONDS:.0f} seconds: give the HOST:PORT"
            " that 'ray start --head' printed, on a machine of that cluster"
        ) from error
    with _connected(address) as ray:
        yield ray


def _try(address: str) -> None:
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), _ANSWER_SECONDS).close()
    command = [sys.executable, "-c", _TRY, address]
    tried = subprocess.run(
        command, timeout=_ANSWER_SECONDS, capture_output=True, text=True, check=False
    )
    if tried.returncode:
        raise RayFailed(tried.stderr.strip().rpartition("\n")[2] or f"it does not join {address}")


@contextmanager
def _connected(address: str, **how: Any) -> Iterator[Any]:
    import ray.data  # noqa: PLC0415

    try:
        try:
            with _hushed():
                ray.init(address, log_to_driver=False, configure_logging=False, **how)
            _settle(ray)
        except Exception as error:  # whatever it meets
            raise RayFailed(reason(error)) from error
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _hushed() -> Iterator[None]:
    """Ray's core says on file 2 itself that it will be quiet."""
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _settle(ray: Any) -> None:
    """Results in order, as they come; no bars and no words but ours."""
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.execution_no_progress_timeout_s = _SILENT_SECONDS
    context.max_consecutive_actor_init_deaths = _DEATHS
    context.target_max_block_size = _BLOCK
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.raise_original_map_exception = True
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def reason(error: BaseException) -> str:
    """What was wrong in one line, as the worker met it where it was one."""
    from ray.data.exceptions import ExecutionTimeoutError  # noqa: PLC0415

    if isinstance(error, ExecutionTimeoutError):
        silent = f"no worker brought anything for {_SILENT_SECONDS:.0f} seconds"
        return f"{silent}: see that they are there and have memory, then build again"
    cause = getattr(error, "cause", None) or error
    line = str(cause).strip().partition("\n")[0]
    return f"{type(cause).__name__}: {line}"
