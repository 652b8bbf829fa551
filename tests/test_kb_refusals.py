"""Bad files beside good ones: each is named with its reason, memory stays bounded."""

from __future__ import annotations

import subprocess
import sys
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import docx
import pypdfium2 as pdfium
import pytest
from reportlab.pdfgen.canvas import Canvas

import kb.library
from kb.changing import add, remove
from kb.errors import DocumentExists, DocumentUnreadable, UnknownDocument
from kb.library import find, load

ROOT = Path(__file__).parents[1]
BODY = "工会始终坚持服务职工，取得了明显成效。"
CONTENT = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def packed(members: dict[str, bytes]) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def good_docx() -> bytes:
    data = BytesIO()
    file = docx.Document()
    file.add_paragraph(BODY)
    file.save(data)
    return data.getvalue()


def encrypted_member() -> bytes:
    data = bytearray(packed({"[Content_Types].xml": CONTENT.encode()}))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


def pdf(*, text: str = "", encrypt: str | None = None) -> bytes:
    data = BytesIO()
    canvas = Canvas(data, encrypt=encrypt)
    canvas.drawString(72, 700, text)
    canvas.rect(10, 10, 200, 200, fill=1)
    canvas.save()
    return data.getvalue()


def pdf_bomb() -> bytes:
    packer = zlib.compressobj(9)
    zeros = b"\0" * 2**20
    stream = b"".join(packer.compress(zeros) for _ in range(300)) + packer.flush()
    return (
        b"%PDF-1.4\n1 0 obj<</Filter/FlateDecode>>stream\n" + stream + b"\nendstream endobj\n%%EOF"
    )


ENTITIES = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>'
BAD: dict[str, tuple[bytes, str]] = {
    "empty.txt": (b"", "it is empty"),
    "blank.md": (b" \n\n", "it holds no text"),
    "binary.txt": (b"\x7fELF\x00\x01\x02", "it is binary"),
    "broken.docx": (good_docx()[:2000], "it is broken"),
    "nozip.docx": (b"hello", "it is broken"),
    "otherzip.docx": (packed({"a.txt": b"a"}), "it is broken"),
    "empty.docx": (packed({}), "it is broken"),
    "old.docx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "it is encrypted, or an old"),
    "encrypted.docx": (encrypted_member(), "it is encrypted"),
    "bomb.docx": (packed({"word/document.xml": b" " * (40 * 2**20)}), "packed too tightly"),
    "members.docx": (packed({f"{n}.xml": b"" for n in range(5000)}), "5000 members"),
    "entities.docx": (packed({"word/document.xml": ENTITIES}), "XML entities"),
    "nested.docx": (packed({"a.zip": packed({"b.zip": packed({"c": b"c"})})}), "it is broken"),
    "broken.pdf": (b"%PDF-1.4\nnothing", "broken PDF"),
    "encrypted.pdf": (pdf(text="secret words of a report", encrypt="pass"), "it is encrypted"),
    "scan.pdf": (pdf(), "no text layer"),
    "bomb.pdf": (pdf_bomb(), "unpacks without end"),
    "empty.html": (b"<html></html>", "it holds no text"),
    "deep.html": (b"<div>" * 50_000, "nested too deep"),
}  # fmt: skip


def test_bad_files_are_named_with_their_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    for name, (data, _) in BAD.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "good.docx").write_bytes(good_docx())
    (tmp_path / "good.txt").write_text(BODY + "好。", encoding="utf-8")
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    findings = find(tmp_path)
    assert {s.name: s.reason for s in findings.skipped} == {
        "table.xlsx": "its type .xlsx is not supported: save it as .docx or .pdf"
    }
    reasons: dict[str, str] = {}
    good: list[str] = []
    for source in findings.sources:
        try:
            good.append(load(source).name)
        except DocumentUnreadable as error:
            reasons[source.name] = error.reason
    assert good == ["good.docx", "good.txt"]
    assert {name for name in BAD if BAD[name][1] not in reasons[name]} == set()


# Megabytes that the files of a second folder take beyond those of a first, which load what reads.
MEASURED = """
import resource, sys
from pathlib import Path
from kb.errors import DocumentUnreadable
from kb.library import find, load

def peak(folder):
    for source in find(Path(folder)).sources:
        try:
            load(source)
        except DocumentUnreadable as error:
            print(source.name, error.reason)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before = peak(sys.argv[1])
print((peak(sys.argv[2]) - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is in kilobytes on Linux alone")
def test_bombs_take_no_memory(tmp_path: Path) -> None:
    """In a process of their own: one that has taken more before hides what they take."""
    good, bombs = tmp_path / "good", tmp_path / "bombs"
    good.mkdir()
    (good / "a.docx").write_bytes(good_docx())
    (good / "b.pdf").write_bytes(pdf(text="words of a report that can be read"))
    (good / "c.html").write_text(f"<p>{BODY}</p>", encoding="utf-8")
    bombs.mkdir()
    names = ["bomb.docx", "bomb.pdf", "deep.html", "entities.docx", "members.docx"]
    for name in names:
        (bombs / name).write_bytes(BAD[name][0])
    command = [sys.executable, "-c", MEASURED, str(good), str(bombs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    *refused, grown = done.stdout.splitlines()
    assert [line.split()[0] for line in refused] == names
    assert int(grown) < 30


def test_a_file_is_added_under_its_bare_name_and_removed_by_its_id(tmp_path: Path) -> None:
    library = tmp_path / "library"
    outside = tmp_path / "upload-x1"
    outside.write_text(BODY, encoding="utf-8")
    added = add(library, outside, "../../secret/年度报告.txt")
    assert added == find(library).sources[0]
    assert added.name == "年度报告.txt"
    assert added.path.read_bytes() == outside.read_bytes()
    kept = library / "别的.txt"  # the last document of a library is not removed
    kept.write_text("别的报告。", encoding="utf-8")
    assert remove(library, added.id) == added
    assert list(library.iterdir()) == [kept]
    with pytest.raises(UnknownDocument):
        remove(library, added.id)


def test_nothing_is_ever_written_over(tmp_path: Path) -> None:
    library = tmp_path / "library"
    outside = tmp_path / "a.txt"
    outside.write_text(BODY, encoding="utf-8")
    add(library, outside)
    with pytest.raises(DocumentExists, match=r"cannot add b.txt: the library has it as a.txt"):
        add(library, outside, "b.txt")
    outside.write_text(BODY * 2, encoding="utf-8")
    with pytest.raises(DocumentExists, match="of that name"):
        add(library, outside)
    assert (library / "a.txt").read_text(encoding="utf-8") == BODY
    assert [path.name for path in library.iterdir()] == ["a.txt"]


def test_a_name_that_the_library_has_in_other_bytes_is_refused(tmp_path: Path) -> None:
    """A build would take one of the two and leave out the other."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "cafe\u0301.txt").write_text("甲", encoding="utf-8")
    outside = tmp_path / "caf\u00e9.txt"
    outside.write_text(BODY, encoding="utf-8")
    with pytest.raises(DocumentExists, match="of that name"):
        add(library, outside)
    assert [path.name for path in library.iterdir()] == ["cafe\u0301.txt"]


@pytest.mark.parametrize("name", [".hidden.txt", "", "a\n.txt", "a.exe", "长" * 100 + ".txt"])
def test_names_that_would_not_be_found_again_are_refused(tmp_path: Path, name: str) -> None:
    outside = tmp_path / ".x"
    outside.write_text(BODY, encoding="utf-8")
    with pytest.raises(DocumentUnreadable):
        add(tmp_path / "library", outside, name or "/")


def test_the_longest_name_that_a_disk_takes_can_be_added(tmp_path: Path) -> None:
    """With room for what is put around it while it is written."""
    outside = tmp_path / "a.txt"
    outside.write_text(BODY, encoding="utf-8")
    for name, fits in (("长" * 65 + "a.txt", True), ("长" * 65 + "ab.txt", False)):
        assert len(name.encode()) == 201 - fits
        if fits:
            assert add(tmp_path / "library", outside, name).name == name
        else:
            with pytest.raises(DocumentUnreadable, match="its name cannot be used"):
                add(tmp_path / "library", outside, name)


def test_an_unreadable_file_is_not_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path / "a.pdf"
    outside.write_bytes(b"%PDF-")
    with pytest.raises(DocumentUnreadable, match="broken PDF"):
        add(tmp_path / "library", outside)
    monkeypatch.setattr(kb.library, "MAX_BYTES", 3)
    with pytest.raises(DocumentUnreadable, match="larger"):
        add(tmp_path / "library", outside)
    assert not (tmp_path / "library").exists()


def test_the_encrypted_sample_really_needs_a_password() -> None:
    with pytest.raises(pdfium.PdfiumError, match=r"[Pp]assword"):
        pdfium.PdfDocument(BAD["encrypted.pdf"][0])
