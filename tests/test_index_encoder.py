"""The real model: its tokens, their spans, and vectors that do not depend on circumstances."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from index import runtime
from index.calibration import QUESTIONS, SENTENCES
from index.cores import CROWD, usable_cores
from index.encoder import Encoder, Side, load_encoder, name_to_be
from index.home import Home
from index.model import NAME, PROMPTS, packaged_folder
from index.runtime import OnnxModel
from index.sentence_model import SentenceModel, sentence_transformer
from index.transformer import TransformerEncoder
from kb.errors import ModelUnavailable
from tests.fp32_folder import write_packaged as fp32_folder_at

pytestmark = pytest.mark.model

TEXTS = (
    "工会",
    "外卖小哥歇脚的地方在哪里?",
    "成功调解劳动争议案件2700余件,为职工挽回经济损失1.04亿元。" * 5,
    "How many kilometres of road were built last year?",
    "😀",
)


@pytest.fixture(scope="module")
def fp32_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged weights as a sentence-transformers folder."""
    return fp32_folder_at(tmp_path_factory.mktemp("fp32") / "model")


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("建立暖心驿站", "建立暖心驿站"),
        ("😀工会👨‍👩‍👧改革😀", "😀工会👨‍👩‍👧改革😀"),
        ("１．０４億元,ＧＤＰ", "１．０４億元,ＧＤＰ"),
        (
            "cafe\u0301 工会",
            "cafe\u0301工会",
        ),  # an accent goes with its letter
        ("𠀀𠀁工会", "𠀀𠀁工会"),
        ("㎡与½", "㎡与½"),
        ("工会\n\n  改革\u3000开放", "工会改革开放"),
        ("ｶﾞｲﾄﾞ", "ｶﾞｲﾄﾞ"),
        ("\ufeff工\u200b会", "工会"),
        ("trade unions serve workers", "tradeunionsserveworkers"),
    ],
)
def test_token_spans_cover_the_visible_text_in_order(
    real_encoder: Encoder, text: str, pieces: str
) -> None:
    [encoded] = real_encoder.encode([text], "document")
    covered: set[int] = set()
    for start, end in encoded.spans.tolist():
        assert 0 <= start < end <= len(text)
        assert text[start:end].strip()
        covered.update(range(start, end))
    starts = [start for start, _ in encoded.spans.tolist()]
    assert starts == sorted(starts)
    invisible = {"\ufeff", "\u200b"}
    kept = "".join(text[i] for i in sorted(covered) if not text[i].isspace())
    assert "".join(c for c in kept if c not in invisible) == pieces


def test_a_token_stands_where_its_word_stands_whatever_precedes_it(real_encoder: Encoder) -> None:
    [plain] = real_encoder.encode(["暖心驿站"], "document")
    [after] = real_encoder.encode(["😀😀暖心驿站"], "document")
    assert (plain.spans[-1] + 2).tolist() == after.spans[-1].tolist()
    assert plain.spans[0, 0] == 0
    assert plain.spans[-1, 1] == 4


def test_prompts_and_special_tokens_leave_no_token(real_encoder: Encoder) -> None:
    for side in ("query", "document"):
        [encoded] = real_encoder.encode(["工"], side)
        assert encoded.spans.tolist() == [[0, 1]]
        assert encoded.tokens.shape == (1, 384)


@pytest.mark.parametrize("text", ["", " ", "\n\u3000"])
def test_a_blank_text_has_a_vector_and_no_tokens(real_encoder: Encoder, text: str) -> None:
    [encoded] = real_encoder.encode([text], "query")
    assert encoded.tokens.shape == (0, 384)
    assert encoded.spans.shape == (0, 2)
    assert np.linalg.norm(encoded.vector) == pytest.approx(1, abs=1e-5)


def test_no_text_gives_no_vector(real_encoder: Encoder) -> None:
    assert real_encoder.encode([], "document") == []


def test_what_lies_beyond_the_longest_input_has_no_tokens(real_encoder: Encoder) -> None:
    [encoded] = real_encoder.encode(["工会改革。" * 2000], "document")
    assert 400 < len(encoded.tokens) <= 512
    assert encoded.spans[-1, 1] < 10_000


def test_vectors_have_unit_length_and_the_stated_width(real_encoder: Encoder) -> None:
    for encoded in real_encoder.encode(TEXTS, "document"):
        assert encoded.vector.shape == (real_encoder.dim,) == (384,)
        assert encoded.vector.dtype == encoded.tokens.dtype == np.float32
        assert np.linalg.norm(encoded.vector) == pytest.approx(1, abs=1e-5)
        lengths = np.linalg.norm(encoded.tokens, axis=1)
        assert lengths == pytest.approx(np.ones(len(lengths)), abs=1e-5)
        assert len(encoded.spans) == len(encoded.tokens)


def test_a_text_is_encoded_the_same_in_any_company(real_encoder: Encoder) -> None:
    together = real_encoder.encode(TEXTS, "document")
    reversed_order = real_encoder.encode(TEXTS[::-1], "document")[::-1]
    for text, one, other in zip(TEXTS, together, reversed_order, strict=True):
        [alone] = real_encoder.encode([text], "document")
        for each in (one, other):
            assert np.abs(each.vector - alone.vector).max() < 1e-5
            assert np.abs(each.tokens - alone.tokens).max(initial=0) < 1e-5
            assert np.array_equal(each.spans, alone.spans)


def test_a_text_is_encoded_the_same_by_one_thread_and_by_two(
    model_home: Home, real_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []
    for cores in (1, 2):
        monkeypatch.setattr(runtime, "usable_cores", lambda cores=cores: cores)
        encoded.append(load_encoder(model_home).encode(TEXTS, "query"))
    for a, b in zip(*encoded, strict=True):
        assert np.abs(a.vector - b.vector).max() < 1e-5
        assert np.abs(a.tokens - b.tokens).max(initial=0) < 1e-5


def test_a_query_has_the_same_vectors_alone_and_in_a_crowd(
    model_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit, by two threads and by one."""
    monkeypatch.setattr(runtime, "usable_cores", lambda: 2)
    encoder = load_encoder(model_home)
    run, taken = runtime._run, []

    def watched(session: Any, *given: Any) -> object:
        taken.append(session)
        return run(session, *given)

    monkeypatch.setattr(runtime, "_run", watched)
    for text in TEXTS:
        [alone] = encoder.encode([text], "query")
        with CROWD.joined(), CROWD.joined():
            [crowded] = encoder.encode([text], "query")
        assert taken[-1] is not taken[-2]
        assert np.array_equal(alone.vector, crowded.vector)
        assert np.array_equal(alone.tokens, crowded.tokens)


@pytest.mark.parametrize(("told", "threads"), [("3", 3), ("", 5), ("0", 5), ("2,1", 5), ("²", 5)])
def test_threads_are_those_of_the_environment_else_a_core_each(
    monkeypatch: pytest.MonkeyPatch, told: str, threads: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: set(range(5)))
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert usable_cores() == threads


def test_int8_stays_near_float32(model_home: Home, fp32_folder: Path) -> None:
    """By the uncentred vectors of the models themselves."""
    exact = SentenceTransformer(str(fp32_folder), device="cpu", model_kwargs={"dtype": "float32"})
    rounded = sentence_transformer(OnnxModel(packaged_folder(model_home.model)))
    for one, other in zip(exact.encode(TEXTS), rounded.encode(TEXTS), strict=True):
        assert float(one @ other) > 0.995


def test_traditional_text_has_the_vectors_of_simplified(real_encoder: Encoder) -> None:
    [traditional, plain] = real_encoder.encode(["總工會服務職工", "总工会服务职工"], "document")
    assert np.abs(traditional.vector - plain.vector).max() < 1e-5


def test_questions_and_documents_are_encoded_each_in_their_way(real_encoder: Encoder) -> None:
    [asked] = real_encoder.encode(["工会改革"], "query")
    [told] = real_encoder.encode(["工会改革"], "document")
    assert asked.vector @ told.vector < 0.999


def test_everyday_sentences_lie_around_the_origin(real_encoder: Encoder) -> None:
    """Their common direction is taken off, so that their mean is next to nothing."""
    sides: dict[Side, Sequence[str]] = {
        "document": SENTENCES,
        "query": QUESTIONS["zh"] + QUESTIONS["en"],
    }
    for side, texts in sides.items():
        mean = np.mean([e.vector for e in real_encoder.encode(texts, side)], axis=0)
        assert np.linalg.norm(mean) < 0.15


def test_the_name_is_known_before_the_model_is_there(
    real_encoder: Encoder, model_home: Home, tmp_path: Path
) -> None:
    """By the weights that the package carries; an index of another is seen without loading it."""
    assert name_to_be(model_home) == name_to_be(Home(tmp_path, tmp_path)) == real_encoder.name


def test_the_name_tells_model_weights_precision_and_prefixes(real_encoder: Encoder) -> None:
    assert real_encoder.name.startswith(f"{NAME}@")
    assert "onnxruntime int8" in real_encoder.name
    assert all(prompt in real_encoder.name for prompt in PROMPTS.values())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_folder_of_ones_own_is_a_model_too(
    real_encoder: Encoder,
    fp32_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
) -> None:
    monkeypatch.setattr("index.encoder._precision", lambda: precision)
    monkeypatch.setenv("KB_MODEL", str(fp32_folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    own = load_encoder(Home(tmp_path, tmp_path))
    [found], [expected] = own.encode(["工会"], "query"), real_encoder.encode(["工会"], "query")
    assert isinstance(own, TransformerEncoder)
    assert found.vector @ expected.vector > 0.98
    assert np.array_equal(found.spans, expected.spans)
    assert f" torch {precision} " in own.name
    assert own.name.startswith(name_to_be(Home(tmp_path, tmp_path)))
    assert str(fp32_folder) in own.name


def link(source: str, target: str) -> str:
    """Half a gigabyte need not be copied."""
    Path(target).symlink_to(source)
    return target


@pytest.mark.parametrize("name", ["/nowhere/to/be found", "no such hub id!", "EMPTY", "CUT"])
def test_a_model_that_cannot_be_loaded_is_one_line_with_its_name(
    fp32_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    if name == "EMPTY":
        folder.mkdir()
    elif name == "CUT":
        shutil.copytree(fp32_folder, folder, copy_function=link)
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors").write_bytes(b"half a file")
    wanted = str(folder) if folder.is_dir() else name
    monkeypatch.setenv("KB_MODEL", wanted)
    with pytest.raises(ModelUnavailable) as error:
        load_encoder(Home(tmp_path, tmp_path))
    assert error.value.name == wanted
    assert str(error.value).startswith(f"cannot load the model {wanted}: ")
    assert "\n" not in str(error.value)
    assert "KB_MODEL" in str(error.value)


def test_the_model_stays_one_of_sentence_transformers(model_home: Home) -> None:
    """Also after an encoder was made of it, and for texts of different lengths at once."""
    model = sentence_transformer(OnnxModel(packaged_folder(model_home.model)))
    before = model.encode(list(TEXTS))
    its = SentenceModel(model, "it")
    TransformerEncoder(its, lambda: its, "it", "onnxruntime").encode(TEXTS, "document")
    assert np.abs(model.encode(list(TEXTS)) - before).max() < 1e-6


def test_queries_without_torch_have_the_vectors_of_sentence_transformers(model_home: Home) -> None:
    """One by one and together, those of a text alone and of its tokens."""
    alone = OnnxModel(packaged_folder(model_home.model))
    its = SentenceModel(sentence_transformer(alone), "it")
    assert alone.prompts == its.prompts
    light, whole = (TransformerEncoder(m, lambda: its, "it", "onnxruntime") for m in (alone, its))
    assert light.name == whole.name
    for texts in (*([text] for text in TEXTS), TEXTS):
        for one, other in zip(*(e.encode(texts, "query") for e in (light, whole)), strict=True):
            assert np.abs(one.vector - other.vector).max() < 1e-6
            assert np.abs(one.tokens - other.tokens).max(initial=0) < 1e-6
            assert np.array_equal(one.spans, other.spans)
