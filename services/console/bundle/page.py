"""The readable index of a bundle: one page for each language, with nothing that is loaded from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

import orjson

from services.console.model import CaseLine, Stage
from services.console.story import Line
from shared.texts import LANGUAGES, field_name

__all__ = ["page"]

_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "lang": "en",
        "title": "Evidence of case",
        "customer": "Customer",
        "stage": "Stage",
        "owner": "Owner",
        "opened": "Opened on",
        "last": "Last event on",
        "made": "Made at",
        "entries": "Entries of the customer's chain",
        "shown": "of which this case shows",
        "head": "Head of the chain (SHA-256)",
        "key": "Signed with the lender's key",
        "erased": "Personal data erased up to",
        "gone": "erased: {fields}",
        "beside": "beside the chain: no hash covers this line",
        "timeline": "Timeline",
        "time": "Time",
        "who": "Who",
        "what": "What",
        "why": "Why",
        "papers": "Documents",
        "agreement": "Agreement, version {number}",
        "settlement-letter": "Settlement letter {number}",
        "in_zh": "in Chinese",
        "in_en": "in English",
        "files": "Files",
        "details": "as it was said",
        "other": "中文",
        "other_file": "index.zh.html",
        "note": "This page is for reading. What proves the file is `parley verify FILE --key LENDER.pub`, "
        "with a key that comes from the lender and not from this file.",
    },
    "zh": {
        "lang": "zh-CN",
        "title": "案件档案",
        "customer": "客户",
        "stage": "阶段",
        "owner": "负责人",
        "opened": "立案日期",
        "last": "最后事件日期",
        "made": "制作时间",
        "entries": "客户证据链条目数",
        "shown": "其中本案展示",
        "head": "证据链末端哈希（SHA-256）",
        "key": "贷款机构签名密钥",
        "erased": "个人信息已删除，截至",
        "gone": "已删除：{fields}",
        "beside": "不在证据链中：本行没有哈希保护",
        "timeline": "时间线",
        "time": "时间",
        "who": "来源",
        "what": "事项",
        "why": "原因",
        "papers": "文书",
        "agreement": "协议第 {number} 版",
        "settlement-letter": "结清证明 {number}",
        "in_zh": "中文",
        "in_en": "英文",
        "files": "文件",
        "details": "原文",
        "other": "English",
        "other_file": "index.html",
        "note": "本页仅供阅读。文件的真实性由 `parley verify FILE --key LENDER.pub` 验证，"
        "所用公钥须由贷款机构另行提供，不得取自本文件。",
    },
}
_OPEN: Final = "none"  # the wire form of a personal field that is not sealed
_SEMICOLON: Final = {"en": "; ", "zh": "；"}
_STAGES: Final[dict[Stage, tuple[str, str]]] = {
    Stage.OVERDUE: ("逾期", "overdue"),
    Stage.ASSESSMENT: ("评估中", "being assessed"),
    Stage.ASSESSED: ("评估完成", "assessed"),
    Stage.TALKS: ("协商中", "in talks"),
    Stage.AGREED: ("已达成一致", "agreed"),
    Stage.DRAFTED: ("协议待签", "agreement to be signed"),
    Stage.PLAN: ("履行中", "plan in force"),
    Stage.COMPLETED: ("履行完毕", "plan completed"),
    Stage.BROKEN: ("违约", "plan broken"),
    Stage.HUMAN: ("人工处理", "with a person"),
    Stage.CLOSED: ("已结案", "closed"),
}
_WHO: Final[dict[str, tuple[str, str]]] = {
    "bank": ("银行", "Bank"),
    "desk": ("经办", "Desk"),
    "ops": ("运维", "Operators"),
    "intake": ("立案", "Intake"),
    "assessment": ("评估", "Assessment"),
    "offer": ("方案", "Offers"),
    "agreement": ("协议", "Agreements"),
    "followup": ("履约跟进", "Follow-up"),
    "alert": ("预警", "Alerts"),
    "notice": ("消息发送", "Messages"),
}
_PAPER: Final = re.compile(
    r"documents/(?P<kind>agreement|settlement-letter)-(?P<number>[0-9]+)\.(?P<lang>zh|en)\.pdf"
)
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;"
    "border-bottom:1px solid #ddd;padding:.35em .7em .35em 0}code{word-break:break-all}"
    "summary{color:#777;font-size:85%;cursor:pointer}pre{white-space:pre-wrap;font-size:85%}"
)


def page(
    facts: Mapping[str, Any],
    line: CaseLine,
    lines: Sequence[Line],
    said: Mapping[str, Any],
    files: Sequence[str],
    lang: str,
    gone: Mapping[str, Sequence[str]],
) -> bytes:
    """Give the page; `said` is what each message said, by its id, and `gone` which fields of it are erased.

    What somebody has written is escaped.
    """
    words = _WORDS[lang]
    rows = [
        ("customer", facts["customer"]),
        ("stage", _STAGES[line.stage][LANGUAGES.index(lang)]),
        ("owner", line.owner or "–"),
        ("opened", line.opened_on or "–"),
        ("last", line.last_on or "–"),
        ("made", facts["made_at"]),
        ("entries", facts["entries"]),
        ("shown", facts["shown"]),
        ("head", facts["head"]),
        ("key", facts["key"]),
        *([("erased", facts["erased"])] if facts["erased"] else []),
    ]
    title = f"{words['title']} {facts['case']}"
    about = "".join(
        f"<tr><th>{words[name]}</th><td><code>{_safe(value)}</code></td></tr>" for name, value in rows
    )
    beside = f"<br><em>{words['beside']}</em>"
    events = "".join(
        f"<tr><td>{_safe(_time(one.time))}</td><td>{_safe(_who(one.who, lang))}</td>"
        f"<td>{_safe(one.what)}{_spoken(said.get(one.id), lang)}{_gone(gone.get(one.id), lang)}"
        f"{'' if one.id in said else beside}"
        f"{_details(said.get(one.id), words['details'])}</td>"
        f"<td>{_safe(_SEMICOLON[lang].join(one.unsaid))}</td></tr>\n"
        for one in lines
    )
    listed = "".join(f'<li><a href="{_safe(name)}">{_safe(name)}</a></li>' for name in files)
    papers = "".join(_papers(files, words))
    head = "".join(f"<th>{words[name]}</th>" for name in ("time", "who", "what", "why"))
    return (
        f'<!doctype html>\n<html lang="{words["lang"]}"><head><meta charset="utf-8">'
        f"<title>{_safe(title)}</title><style>{_STYLE}</style></head><body>\n"
        f'<p><a href="{words["other_file"]}">{words["other"]}</a></p>\n'
        f"<h1>{_safe(title)}</h1>\n<p>{_safe(words['note'])}</p>\n<table>{about}</table>\n"
        f"<h2>{words['timeline']}</h2>\n<table><tr>{head}</tr>\n{events}</table>\n"
        f"{papers}<h2>{words['files']}</h2>\n<ul>{listed}</ul>\n</body></html>\n"
    ).encode()


def _time(said: str) -> str:
    """Name the offset, too: a bank and a desk may each say the time of their own place."""
    return datetime.fromisoformat(said).strftime("%Y-%m-%d %H:%M %Z")


def _who(source: str, lang: str) -> str:
    """Name who said something; what stands behind the slash (a system, a person) stays as it is."""
    kind, _, more = source.partition("/")
    if kind not in _WHO:
        return source
    word = _WHO[kind][LANGUAGES.index(lang)]
    return f"{word} ({more})" if more else word


def _papers(files: Sequence[str], words: Mapping[str, str]) -> Iterator[str]:
    """Name the documents that are there as PDF, each with its language."""
    found = [(name, paper) for name in files if (paper := _PAPER.fullmatch(name))]
    if not found:
        return
    yield f"<h2>{words['papers']}</h2>\n<ul>"
    for name, paper in found:
        title = words[paper["kind"]].format(number=paper["number"])
        yield f'<li><a href="{_safe(name)}">{title}</a> ({words["in_" + paper["lang"]]})</li>'
    yield "</ul>\n"


def _spoken(said: Any, lang: str) -> str:
    """Give where people met, who took part and what they said in their own words: nobody unfolds a code."""
    found: dict[str, str] = {}
    for name, field in (said or {}).items():
        if name == "participants" and isinstance(field, list | tuple):
            found[name] = _SEMICOLON[lang].join(map(str, field))
        elif name == "place" and isinstance(field, str):
            found[name] = field
        elif _is_open_text(field):
            found[name] = field["value"]
    return "".join(
        f"<br><small>{_safe(field_name(name, lang))}</small> {_safe(value)}" for name, value in found.items()
    )


def _is_open_text(field: Any) -> bool:
    return isinstance(field, Mapping) and field.get("alg") == _OPEN and isinstance(field.get("value"), str)


def _gone(fields: Sequence[str] | None, lang: str) -> str:
    """Name the fields of a message that were there and are erased."""
    if not fields:
        return ""
    said = _SEMICOLON[lang].join(field_name(path, lang) for path in fields)
    return f"<br><em>{_safe(_WORDS[lang]['gone'].format(fields=said))}</em>"


def _details(said: Any, word: str) -> str:
    """Give a message's data to unfold: who took part in a contact, where, and what was said."""
    if not said:
        return ""
    content = orjson.dumps(said, option=orjson.OPT_INDENT_2).decode()
    return f"<details><summary>{word}</summary><pre>{_safe(content)}</pre></details>"


def _safe(value: object) -> str:
    return escape(str(value))
