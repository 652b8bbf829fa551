"""Makes one report in every format the library reads: `python -m tests.data.same_report DIR`."""

from __future__ import annotations

import html
import sys
from pathlib import Path
from typing import Any

import docx
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph, SimpleDocTemplate

from kb.library import find, load
from kb.types import Document, Section, Span

REPORTS = Path(__file__).parents[2] / "kb/reports"


def write_all(folder: Path) -> dict[str, Path]:
    """Write the shipped report as .txt, .md, .html, .docx and .pdf; returns the paths by suffix."""
    (source,) = find(REPORTS).sources
    report = load(source)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        suffix: folder / f"report{suffix}" for suffix in (".txt", ".md", ".html", ".docx", ".pdf")
    }
    paths[".txt"].write_bytes(source.path.read_bytes())
    paths[".md"].write_text(as_markdown(report), encoding="utf-8")
    paths[".html"].write_text(as_page(report), encoding="utf-8")
    write_word(report, paths[".docx"])
    write_pdf(report, paths[".pdf"])
    return paths


def _words(report: Document, span: Span) -> str:
    return report.text[span.start : span.end]


def _parts(report: Document) -> list[tuple[str, int, list[str]]]:
    """What stands in the report, in the order of its outline: role, level, its texts."""
    parts: list[tuple[str, int, list[str]]] = []
    for section in report.outline:
        head = _words(report, section.heading) if section.heading else ""
        body = [_words(report, span) for span in section.body]
        if section.kind == "title":
            parts.append(("title" if head == report.title else "byline", 0, [head]))
        elif section.kind == "run_in":
            parts.append(("run_in", 0, [head, *body]))
        else:
            if head:
                parts.append(("heading", section.level, [head]))
            if not _introduced(report, section):
                role = "caption" if section.kind == "captions" else "body"
                parts += [(role, 0, [words]) for words in body]
    return parts


def _introduced(report: Document, section: Section) -> bool:
    leads = [s.body for s in report.outline if s.kind == "lead"]
    return section.kind != "lead" and section.body in leads


def as_markdown(report: Document) -> str:
    lines = []
    for role, level, texts in _parts(report):
        gap = "\n\n" if role == "caption" else ""
        mark = {"title": "# ", "heading": "#" * (level + 1) + " "}.get(role, "")
        lines.append(gap + mark + "".join(texts))
    return "\n\n".join(lines) + "\n"


def as_page(report: Document) -> str:
    body = []
    for role, level, texts in _parts(report):
        first, *rest = map(html.escape, texts)
        tag = {"title": "h1", "heading": f"h{level + 1}", "caption": "figcaption"}.get(role, "p")
        inner = f"<strong>{first}</strong>{''.join(rest)}" if role == "run_in" else first
        body.append(f"<{tag}>{inner}</{tag}>")
    article = "\n".join(body)
    return f"""<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"><title>{html.escape(report.title)}_工会网</title>
<style>p {{ margin: 0 }}</style></head><body>
<div class="nav"><ul><li><a href="/">首页</a></li><li><a href="/news">工会新闻</a></li></ul></div>
<div class="main"><div class="TRS_Editor">
{article}
</div></div>
<div class="related"><h3>相关链接</h3><p><a href="/1">全国总工会召开会议部署重点工作</a></p></div>
<div class="footer">版权所有 <a href="/about">联系我们</a></div>
</body></html>
"""


def write_word(report: Document, path: Path) -> None:
    file = docx.Document()
    for role, level, texts in _parts(report):
        if role == "run_in":
            paragraph = file.add_paragraph()
            paragraph.add_run(texts[0]).bold = True
            paragraph.add_run("".join(texts[1:]))
        elif role in {"title", "heading"}:
            file.add_heading(texts[0], level)
        else:
            file.add_paragraph(texts[0], style="Caption" if role == "caption" else None)
    file.save(str(path))


def write_pdf(report: Document, path: Path) -> None:
    """Headings larger, paragraphs set in by two characters, page numbers and a running head."""
    registerFont(UnicodeCIDFont("STSong-Light"))
    base = {"fontName": "STSong-Light", "wordWrap": "CJK", "leading": 20, "fontSize": 12}
    styles = {
        "body": ParagraphStyle("body", firstLineIndent=24, **base),
        "run_in": ParagraphStyle("run_in", firstLineIndent=24, **base),
        "caption": ParagraphStyle("caption", spaceBefore=40, spaceAfter=40, alignment=1, **base),
        "byline": ParagraphStyle("byline", alignment=1, **base),
        "heading": ParagraphStyle("heading", spaceBefore=6, **base | {"fontSize": 14}),
        "title": ParagraphStyle("title", alignment=1, **base | {"fontSize": 18, "leading": 28}),
    }

    def furniture(canvas: Any, page: object) -> None:
        canvas.setFont("STSong-Light", 9)
        canvas.drawString(72, 800, "东城区总工会工作报告")
        canvas.drawCentredString(297, 30, f"— {canvas.getPageNumber()} —")

    flow = [
        Paragraph(html.escape("".join(texts)), styles[role]) for role, _, texts in _parts(report)
    ]
    template = SimpleDocTemplate(str(path), pagesize=A4, invariant=True)
    template.build(flow, onFirstPage=furniture, onLaterPages=furniture)


def write_columns(report: Document, path: Path) -> None:
    """A page of two columns whose headings are set like the body, as newspapers print."""
    registerFont(UnicodeCIDFont("STSong-Light"))
    base = {"fontName": "STSong-Light", "wordWrap": "CJK", "leading": 16, "fontSize": 10.5}
    space = {"caption": 30, "heading": 4}
    flow = [
        Paragraph(
            html.escape("".join(texts)),
            ParagraphStyle(
                role,
                firstLineIndent=21 if role in {"body", "run_in"} else 0,
                spaceBefore=space.get(role, 0),
                **base,
            ),
        )
        for role, _, texts in _parts(report)
    ]

    def number(canvas: Any, page: object) -> None:
        canvas.setFont("STSong-Light", 9)
        canvas.drawCentredString(297, 30, f"{canvas.getPageNumber()} / 4")

    frames = [Frame(left, 60, 240, 720) for left in (50, 305)]
    template = BaseDocTemplate(str(path), pagesize=A4, invariant=True)
    template.addPageTemplates(PageTemplate(frames=frames, onPage=number))
    template.build(flow)


if __name__ == "__main__":
    for written in write_all(Path(sys.argv[1])).values():
        print(written)
