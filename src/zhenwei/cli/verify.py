"""``zhenwei verify``: what a file says of itself, layer by layer, and one careful sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli._options import TableFormat, TableOption, Verbose
from zhenwei.cli.language import current
from zhenwei.cli.trouble import complain_of, notes_console
from zhenwei.defence.sentences import phrase
from zhenwei.errors import UsageError
from zhenwei.types import Language, Text, in_language

if TYPE_CHECKING:
    from rich.console import Console

    from zhenwei.defence.labels import Aigc, Labels
    from zhenwei.defence.marks import Mark
    from zhenwei.defence.verify import Verification
    from zhenwei.report import Unreadable


def verify(
    files: Annotated[
        list[str], typer.Argument(help="Pictures, clips, sound and folders.", metavar="FILE...", show_default=False)
    ],
    trust: Annotated[
        Path | None, typer.Option("--trust", help="Certificates of whom you trust, PEM.", metavar="FILE")
    ] = None,
    format_: TableOption = TableFormat.table,
    verbose: Verbose = False,
) -> None:
    """Show what files say of themselves: credential, watermark, labels, and what follows.

    It does not look at whether the content is forged: zhenwei scan does. A credential that holds says who signed it and
    that nothing changed since, not that what the signer says is so. Where nothing is found, nothing follows. Watermarks
    are looked for under the published key and, if there is one, under this installation's. Nothing is fetched from the
    network.

    Exit status: 0 all files were read, whatever they say, 1 one or more could not be read, 2 wrong use.

    Examples:

      zhenwei verify photo.jpg

      zhenwei verify folder/ --format json

      zhenwei verify photo.jpg --trust anchors.pem --lang zh
    """
    from zhenwei.cli.inputs import collect
    from zhenwei.cli.progress import ScanProgress
    from zhenwei.defence.identity import own_anchor, require_extra
    from zhenwei.defence.keys import home_folder
    from zhenwei.defence.verify import verify_file
    from zhenwei.engine import attempt
    from zhenwei.report import Unreadable

    require_extra()
    notes = notes_console()
    inputs, anchors, keys, own = collect(files), _anchors(trust), known_keys(), own_anchor(home_folder(os.environ))
    for failure in inputs.unreadable:
        _complain(failure, format_, notes)
    if not inputs.files and not inputs.unreadable:
        raise UsageError("there is nothing to look at", got=", ".join(files)[:200], want="pictures, clips or sound")
    failed = bool(inputs.unreadable)
    shown = notes.is_terminal and len(inputs.files) > 1
    with ScanProgress(notes, len(inputs.files), shown=shown) as progress:
        for path in inputs.files:
            progress.begin(path)
            read = attempt(path, partial(verify_file, Path(path), keys=keys, anchors_pem=anchors, own_pem=own))
            if isinstance(read, Unreadable):
                failed = True
                _complain(read, format_, notes)
            else:
                _tell(path, read, format_, current())
            progress.end()
    inputs.tell_left_out(notes, verbose=verbose)
    raise typer.Exit(int(failed))


def _complain(failure: Unreadable, format_: TableFormat, notes: Console) -> None:
    complain_of(failure.path, failure.error, notes)
    if format_ is TableFormat.json:
        typer.echo(json.dumps({"path": failure.path, "error": str(failure.error)}, ensure_ascii=False))


def _anchors(trust: Path | None) -> str | None:
    if trust is None:
        return None
    try:
        return trust.read_bytes().decode("ascii", "replace")
    except OSError as error:
        raise UsageError(f"the trust list {trust} cannot be read", got=error.strerror or str(error)) from None


def known_keys() -> list[bytes]:
    """The published key, and this installation's if it has one already: looking makes none."""
    from zhenwei.defence.keys import PUBLIC_KEY, home_folder, own_key

    home = home_folder(os.environ)
    return [own_key(home), PUBLIC_KEY] if (home / "watermark.key").is_file() else [PUBLIC_KEY]


def _tell(path: str, read: Verification, format_: TableFormat, language: Language) -> None:
    if format_ is TableFormat.json:
        typer.echo(json.dumps({"path": path, **read.to_dict()}, ensure_ascii=False, allow_nan=False))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text as Styled

    from zhenwei.report import legible

    table = Table(box=SIMPLE_HEAD, show_edge=False, show_header=False, title_justify="left", title_style="bold")
    table.title = Styled(legible(path))
    for layer, style, finding in _rows(read):
        words = legible(in_language(finding, language), 1000)
        table.add_row(Styled(in_language(layer, language), "dim"), Styled(words, style))
    console = Console(highlight=False)
    console.print(table)
    console.print(Styled(legible(in_language(read.sentence, language), 3000)))
    console.print()


_STATES = {
    "absent": ("dim", Text("none", zh="无")),
    "remote": ("yellow", Text("on the network, not fetched", zh="在网络上，未去获取")),
    "valid": ("yellow", Text("intact, by a signer on no list you trust", zh="完整，签名者不在您信任的列表中")),
    "trusted": ("green", Text("intact, by a signer on your list", zh="完整，签名者在您的信任列表中")),
    "invalid": ("red", Text("does not hold", zh="无效")),
    "unreadable": ("red", Text("damaged, cannot be read", zh="已损坏，无法读取")),
}
_CAUSES = {
    "altered": Text("does not hold: changed after it was signed", zh="无效：签名之后被改动"),
    "signer": Text("does not hold: signature or certificate", zh="无效：签名或证书不符"),
    "ended": Text("the certificate has ended", zh="证书已过期"),
    "unchecked": Text("cannot be checked", zh="无法验证"),
}
_HERE = ("green", Text("intact, signed on this machine", zh="完整，由本机签名"))
_BINDINGS = {
    "bound": Text(", which the credential names", zh="，凭证指明了它"),
    "other": Text(", not the one that the credential names", zh="，与凭证所指不同"),
    "unnamed": Text(", which no credential names", zh="，没有凭证指明它"),
}


_Row = tuple[Text, str, str]  # layer, style, finding
_WATERMARK, _LABELS = Text("Watermark", zh="水印"), Text("Labels", zh="标识")


def _rows(read: Verification) -> Iterator[_Row]:
    """In the order of the sentence."""
    credential = read.credential
    for each in read.declared:
        yield Text("Declares", zh="自述"), "bold", each.sentence
    style, state = _HERE if read.signed_here and credential.state == "valid" else _STATES[credential.state]
    state = _CAUSES.get(credential.cause or "", state) if credential.state == "invalid" else state
    yield Text("Credential", zh="凭证"), style, state
    for layer, finding in (
        (Text("  signer", zh="  签名者"), credential.signer),
        (Text("  claim", zh="  声明"), credential.claim or credential.source_type),
        (Text("  made from", zh="  来源"), ", ".join(credential.ancestry)),
        (Text("  taken out", zh="  已删去"), ", ".join(credential.redactions)),
        (Text("  credentials", zh="  凭证数"), str(credential.manifests) if credential.manifests > 1 else ""),
    ):
        if finding:
            yield layer, "", finding
    if not read.marks and read.foreign is None:
        yield _WATERMARK, "dim", Text("none found", zh="未发现")
    if read.foreign is not None:
        yield _WATERMARK, "", phrase("of {}", "{} 的水印", read.foreign.tool)
    for mark in read.marks:
        yield _WATERMARK, "", _marked(mark, read.binding)
    yield from _labelled(read.labels)
    for problem in read.problems:
        yield Text("Note", zh="注意"), "yellow", problem


_AIGC = {
    "1": Text("made by AI", zh="由人工智能生成"),
    "2": Text("possibly made by AI", zh="可能由人工智能生成"),
    "3": Text("suspected to be made by AI", zh="疑似由人工智能生成"),
}


def _labelled(labels: Labels) -> Iterator[_Row]:
    from zhenwei.defence.labels import NOT_READ

    if labels.aigc is not None:
        yield Text("AIGC label", zh="AIGC 标识"), "", _aigc(labels.aigc)
    if labels.digital_source_type is not None:
        yield Text("IPTC label", zh="IPTC 标识"), "", labels.source_type
    for settings in labels.settings:
        yield Text("Settings", zh="生成参数"), "", f"{settings.tool} ({settings.where})".strip()
    for name in (*labels.generators, *labels.face_apps):
        yield Text("Tool", zh="工具"), "", name
    if not labels.read:
        yield _LABELS, "dim", NOT_READ
    elif not labels.any:
        yield _LABELS, "dim", Text("none", zh="无")


def _aigc(block: Aigc) -> Text:
    told = _AIGC.get(block.label, Text("no known kind", zh="未知类别"))
    by = f"{block.content_producer} {block.produce_id}".strip()
    if by:
        told = phrase("{}, by {}", "{}，生成者：{}", told, by)
    passed_on = f"{block.content_propagator} {block.propagate_id}".strip()
    return phrase("{}, passed on by {}", "{}，传播者：{}", told, passed_on) if passed_on else told


def _marked(mark: Mark, binding: str) -> Text:
    key = Text("published key", zh="公开密钥") if mark.published else Text("own key", zh="本机密钥")
    how = f"{mark.agreement:.0%}" + (f", {mark.transform}" if mark.transform not in ("", "as it is") else "")
    where = Text("in the picture", zh="画面") if mark.medium == "picture" else Text("in the sound", zh="声音")
    bound = _BINDINGS.get(binding, "")
    told = phrase(
        "{0} {1} ({2}, agreement {3}){4}", "{1}：{0}（{2}，一致度 {3}）{4}", mark.ident, where, key, how, bound
    )
    if mark.altered is not None and mark.intact is False:
        share = f"{mark.altered:.0%}"
        told = phrase("{}; {} of the picture replaced since", "{}；此后画面有 {} 被替换", told, share)
    return told
