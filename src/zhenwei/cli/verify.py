"""``zhenwei verify``: what a file says of itself, layer by layer, and one careful sentence."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli._options import Lang, LangOption, TableFormat, TableOption, Verbose
from zhenwei.cli.trouble import complain_of, notes_console
from zhenwei.errors import UsageError
from zhenwei.types import Language, Text, in_language

if TYPE_CHECKING:
    from rich.console import Console

    from zhenwei.defence.labels import Labels
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
    lang: LangOption = Lang.en,
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
    inputs, anchors, keys, own = collect(files), _anchors(trust), _keys(), own_anchor(home_folder(os.environ))
    inputs.tell_unreadable(notes)
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
                _tell_error(read, format_, notes)
            else:
                _tell(path, read, format_, lang.value)
            progress.end()
    inputs.tell_left_out(notes, verbose=verbose)
    raise typer.Exit(int(failed))


def _anchors(trust: Path | None) -> str | None:
    if trust is None:
        return None
    try:
        return trust.read_bytes().decode("ascii", "replace")
    except OSError as error:
        raise UsageError(f"the trust list {trust} cannot be read", got=error.strerror or str(error)) from None


def _keys() -> list[bytes]:
    """The published key, and this installation's if it has one already: looking makes none."""
    from zhenwei.defence.keys import PUBLIC_KEY, home_folder, own_key

    home = home_folder(os.environ)
    return [own_key(home), PUBLIC_KEY] if (home / "watermark.key").is_file() else [PUBLIC_KEY]


def _tell_error(failed: Unreadable, format_: TableFormat, notes: Console) -> None:
    complain_of(failed.path, failed.error, notes)
    if format_ is TableFormat.json:
        typer.echo(json.dumps({"path": failed.path, "error": str(failed.error)}, ensure_ascii=False))


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
_PLAIN = "as it is"
_BINDINGS = {
    "bound": Text(", which the credential names", zh="，凭证指明了它"),
    "other": Text(", not the one that the credential names", zh="，与凭证所指不同"),
    "unnamed": Text(", which no credential names", zh="，没有凭证指明它"),
}


def _rows(read: Verification) -> list[tuple[Text, str, Text]]:
    """Layer, style and finding, in the order of the sentence."""
    held, said = read.credential, read.labels
    style, state = _HERE if read.signed_here and held.state == "valid" else _STATES[held.state]
    state = _CAUSES.get(held.cause or "", state) if held.state == "invalid" else state
    rows = [(Text("Declares", zh="自述"), "bold", each.sentence) for each in read.declared]
    rows.append((Text("Credential", zh="凭证"), style, state))
    if held.signer:
        rows.append((Text("  signer", zh="  签名者"), "", Text(held.signer)))
    if held.claim or held.source_type:
        rows.append((Text("  claim", zh="  声明"), "", Text(held.claim or held.source_type)))
    if held.ancestry:
        rows.append((Text("  made from", zh="  来源"), "", Text(", ".join(held.ancestry))))
    if held.redactions:
        rows.append((Text("  taken out", zh="  已删去"), "", Text(", ".join(held.redactions))))
    if held.manifests > 1:
        rows.append((Text("  credentials", zh="  凭证数"), "", Text(str(held.manifests))))
    if not read.marks and read.foreign is None:
        rows.append((Text("Watermark", zh="水印"), "dim", Text("none found", zh="未发现")))
    if read.foreign is not None:
        by = Text(f"of {read.foreign.tool}", zh=f"{read.foreign.tool} 的水印")
        rows.append((Text("Watermark", zh="水印"), "", by))
    rows += [(Text("Watermark", zh="水印"), "", _marked(mark, read.binding)) for mark in read.marks]
    rows += _labelled(said) or [(Text("Labels", zh="标识"), "dim", Text("none", zh="无"))]
    rows += [(Text("Note", zh="注意"), "yellow", problem) for problem in read.problems]
    return rows


_AIGC = {
    "1": Text("made by AI", zh="由人工智能生成"),
    "2": Text("possibly made by AI", zh="可能由人工智能生成"),
    "3": Text("suspected to be made by AI", zh="疑似由人工智能生成"),
}


def _labelled(said: Labels) -> list[tuple[Text, str, Text]]:
    from zhenwei.defence.labels import NOT_READ

    rows = []
    if said.aigc is not None:
        block, kind = said.aigc, _AIGC.get(said.aigc.label, Text("no known kind", zh="未知类别"))
        by = " ".join(filter(None, (block.content_producer, block.produce_id)))
        on = " ".join(filter(None, (block.content_propagator, block.propagate_id)))
        english = str(kind) + (f", by {by}" if by else "") + (f", passed on by {on}" if on else "")
        chinese = kind.in_language("zh") + (f"，生成者：{by}" if by else "") + (f"，传播者：{on}" if on else "")
        rows.append((Text("AIGC label", zh="AIGC 标识"), "", Text(english, zh=chinese)))
    if said.digital_source_type is not None:
        rows.append((Text("IPTC label", zh="IPTC 标识"), "", Text(said.source_type)))
    for settings in said.settings:
        shown = " ".join(filter(None, (settings.tool, f"({settings.where})")))
        rows.append((Text("Settings", zh="生成参数"), "", Text(shown)))
    rows += [(Text("Tool", zh="工具"), "", Text(name)) for name in (*said.generators, *said.face_apps)]
    if not said.read:
        rows.append((Text("Labels", zh="标识"), "dim", NOT_READ))
    return rows


def _marked(mark: Mark, binding: str) -> Text:
    bound = _BINDINGS.get(binding, Text(""))
    key = Text("published key", zh="公开密钥") if mark.published else Text("own key", zh="本机密钥")
    how = f"{mark.agreement:.0%}" + (f", {mark.transform}" if mark.transform not in ("", _PLAIN) else "")
    where = Text("in the picture", zh="画面") if mark.medium == "picture" else Text("in the sound", zh="声音")
    english = f"{mark.ident} {where} ({key}, agreement {how}){bound}"
    chinese = (
        f"{where.in_language('zh')}：{mark.ident}（{key.in_language('zh')}，一致度 {how}）{bound.in_language('zh')}"
    )
    if mark.altered is not None and mark.intact is False:
        english += f"; {mark.altered:.0%} of the picture replaced since"
        chinese += f"；此后画面有 {mark.altered:.0%} 被替换"
    return Text(english, zh=chinese)
