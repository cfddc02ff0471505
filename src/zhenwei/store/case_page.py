"""The printable page of a case: made of what else is in its bundle, so that it can be made again and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from zhenwei import pages
from zhenwei.fusion.wording import signed
from zhenwei.report.tabular import SYMBOLS
from zhenwei.report.terms import say as of_report
from zhenwei.store.chain import Entry
from zhenwei.types import Language

_PHRASES: dict[str, tuple[str, str]] = {
    "kind": ("Case", "案件"),
    "footer": ("Made on this machine; nothing was sent anywhere.", "在本机生成；未向任何地方发送数据。"),
    "opened": ("Opened by", "建立者："),
    "number": ("Number of the case", "案件编号"),
    "tags": ("Tags", "标签"),
    "log_end": ("End of the log", "日志末端"),
    "files": ("Files", "文件"),
    "no_files": ("No file is in this case.", "此案件中没有文件。"),
    "not_examined": ("Not examined", "未检验"),
    "size": ("Bytes", "字节数"),
    "added": ("Added", "加入"),
    "engine": ("Examined by", "检验程序"),
    "media": ("The file itself", "文件本身"),
    "no_media": (
        "Not in this bundle: it was not kept, or is to be left out. Its digest says which one it was.",
        "不在此包中：未予保存，或有意略去。其摘要可确认是哪个文件。",
    ),
    "notes": ("Notes", "备注"),
    "log": ("Log", "日志"),
    "log_how": (
        "Each entry holds the digest of the one before. Whoever changes, removes or inserts one changes all that "
        "follow, and the end of the log that is written above.",
        "每条记录都包含前一条的摘要。更改、删除或插入任何一条，都会改变其后的所有记录以及上面写明的日志末端。",
    ),
    "when": ("When", "时间"),
    "who": ("Who", "何人"),
    "what": ("What", "事项"),
    "digest": ("Digest", "摘要"),
    "check": ("How to check this", "如何核验"),
    "check_how": (
        "This command says whether anything was changed since, and with --replay examines the files again. What it "
        "calls whole was made as a whole; that it is the same bundle shows the digest that it prints, if that was "
        "written down elsewhere when the bundle was made.",
        "此命令可查明此后是否有改动；加 --replay 则重新检验文件。所谓完整，是指其各部分彼此相符；"
        "要确认它就是当初的那个包，须将命令显示的摘要与导出时另行记下的摘要相比较。",
    ),
    "opened_case": ("case opened", "建立案件"),
    "file-added": ("file added", "加入文件"),
    "examination-added": ("examination added", "加入检验结果"),
    "examination-changed": ("examination made anew", "检验结果更新"),
    "examination-erased": ("examination erased", "清除检验结果"),
    "file-removed": ("file taken out", "移出文件"),
    "file-erased": ("file erased", "清除文件"),
    "noted": ("note written", "写入备注"),
    "tagged": ("tag added", "加上标签"),
    "untagged": ("tag removed", "去掉标签"),
    "erased": ("case erased", "清除案件"),
    "case-opened": ("case opened", "建立案件"),
    "case-exported": ("case exported", "导出案件"),
    "case-erased": ("case erased", "清除案件"),
}


def action_words(action: str, language: Language) -> str:
    """What an entry of a log tells, in words; an action that is not known, as it is."""
    key = "opened_case" if action == "opened" else action
    return _say(key, language) if key in _PHRASES else action


@cache
def page_maker() -> str:
    """A digest of all that pages are made with: the same one makes the same pages of the same case."""
    found = hashlib.sha256()
    package = Path(pages.__file__).parents[1]
    for folder in ("pages", "report", "types", "fusion", "store"):
        for path in sorted((package / folder).rglob("*")):
            if path.suffix in (".py", ".html", ".css", ".js"):
                found.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes())
    return found.hexdigest()


def case_page(
    case: Mapping[str, Any], entries: Sequence[Entry], reports: Mapping[str, Mapping[str, Any]], language: Language
) -> str:
    """``case``: as in ``case.json`` of a bundle. ``reports``: by digest of the file, in ``language``."""
    notes: dict[str, list[Mapping[str, Any]]] = {}
    for note in case["notes"]:
        notes.setdefault(note["sha256"], []).append(note)
    told = []
    for entry in entries:
        told.append(entry.to_dict() | {"words": action_words(entry.action, language)})
    return pages.page(
        "case/page.html",
        title=f"{case['title']} · zhenwei",
        kind=_say("kind", language),
        footer=_say("footer", language),
        language=language,
        say=partial(_say, language=language),
        case=case,
        files=[_file(file, reports.get(file["sha256"]), notes, language) for file in case["files"]],
        notes=notes.get("", []),
        entries=told,
        log_end=entries[-1].sha256 if entries else "",
    )


def _file(
    file: Mapping[str, Any],
    report: Mapping[str, Any] | None,
    notes: Mapping[str, list[Mapping[str, Any]]],
    language: Language,
) -> dict[str, Any]:
    verdict = report["verdict"] if report is not None else {}
    decision = file["decision"]
    llr = verdict.get("llr")
    return {
        **file,
        "decision": of_report(decision, language) if decision else _say("not_examined", language),
        "symbol": SYMBOLS.get(decision, ""),
        "llr": None if llr is None else signed(llr, 2),
        "explanation": verdict.get("explanation", ""),
        "page": f"{file['page'].removesuffix('.packed')}.html" if file["page"] else "",
        "version": report["engine"]["version"] if report is not None else "",
        "notes": notes.get(file["sha256"], []),
    }


def _say(key: str, language: Language) -> str:
    return _PHRASES[key][language == "zh"]
