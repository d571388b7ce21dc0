"""The readable index of a bundle: one page for each language, with nothing that is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from services.console.model import CaseLine
from services.console.story import Line

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
        "timeline": "Timeline",
        "time": "Time",
        "who": "Who",
        "what": "What",
        "why": "Why",
        "files": "Files",
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
        "timeline": "时间线",
        "time": "时间",
        "who": "来源",
        "what": "事项",
        "why": "原因",
        "files": "文件",
        "other": "English",
        "other_file": "index.html",
        "note": "本页仅供阅读。文件的真实性由 `parley verify FILE --key LENDER.pub` 验证，"
        "所用公钥须由贷款机构另行提供，不得取自本文件。",
    },
}
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;"
    "border-bottom:1px solid #ddd;padding:.35em .7em .35em 0}code{word-break:break-all}"
)


def page(
    facts: Mapping[str, Any], line: CaseLine, lines: Sequence[Line], files: Sequence[str], lang: str
) -> bytes:
    """Give the page. Everything that somebody has written is escaped."""
    words = _WORDS[lang]
    rows = [
        ("customer", facts["customer"]),
        ("stage", line.stage.value + (f" ({line.close_reason})" if line.close_reason else "")),
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
    events = "".join(
        f"<tr><td>{_safe(one.time[:16].replace('T', ' '))}</td><td>{_safe(one.who)}</td>"
        f"<td>{_safe(one.what)}</td><td>{_safe('; '.join(one.unsaid))}</td></tr>\n"
        for one in lines
    )
    listed = "".join(f'<li><a href="{_safe(name)}">{_safe(name)}</a></li>' for name in files)
    head = "".join(f"<th>{words[name]}</th>" for name in ("time", "who", "what", "why"))
    return (
        f'<!doctype html>\n<html lang="{words["lang"]}"><head><meta charset="utf-8">'
        f"<title>{_safe(title)}</title><style>{_STYLE}</style></head><body>\n"
        f'<p><a href="{words["other_file"]}">{words["other"]}</a></p>\n'
        f"<h1>{_safe(title)}</h1>\n<p>{_safe(words['note'])}</p>\n<table>{about}</table>\n"
        f"<h2>{words['timeline']}</h2>\n<table><tr>{head}</tr>\n{events}</table>\n"
        f"<h2>{words['files']}</h2>\n<ul>{listed}</ul>\n</body></html>\n"
    ).encode()


def _safe(value: object) -> str:
    return escape(str(value))
