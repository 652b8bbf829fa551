"""A model named by its id on a hub: whether it can be had, told before seconds are spent on it."""

from __future__ import annotations

from pathlib import Path

from kb.errors import ModelUnavailable

_SECONDS = 5.0  # to connect to the hub, and to wait for its answer


def is_here(name: str) -> bool:
    """Whether `name` is a folder, or a model of a hub that was fetched at some time."""
    return Path(name).is_dir() or _fetched(name) is not None


def commit(name: str) -> str:
    """Which state of a hub's model was fetched, its commit there; blank where none was."""
    folder = _fetched(name)
    return folder.name if folder else ""


def _fetched(name: str) -> Path | None:
    """The folder of the hub's cache that a model is in, named by its commit."""
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415

    try:
        found = [try_to_load_from_cache(each, "config.json") for each in _ids(name)]
    except HFValidationError:
        return None
    return next((Path(path).parent for path in found if isinstance(path, str)), None)


def ask(name: str) -> None:
    """Raise `ModelUnavailable` unless the hub answers and knows the model.

    The libraries that load a model ask for many files, and where nobody answers they try each
    again for 23 seconds. Here it is one question.
    """
    from huggingface_hub import HfApi  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError  # noqa: PLC0415

    for each in _ids(name):
        try:
            HfApi().model_info(each, timeout=_SECONDS)
        except HFValidationError:
            reason = "it is neither a folder nor the id of a model"
        except HfHubHTTPError as error:
            reason = f"it is no folder, and the model hub answers {error.response.status_code}"
        except Exception as error:  # whatever its HTTP library meets in a network
            reason = f"it is no folder, and the model hub cannot be reached ({error})"
        else:
            return
    raise ModelUnavailable(name, f"{reason}: check KB_MODEL, or name a folder with the model there")


def _ids(name: str) -> tuple[str, ...]:
    """Its id; sentence-transformers takes a bare name for one of its own models first."""
    return (name,) if "/" in name else (f"sentence-transformers/{name}", name)
