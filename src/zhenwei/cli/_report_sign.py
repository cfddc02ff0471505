"""``zhenwei report sign``: a detached signature beside a report."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from zhenwei.cli._options import Force
from zhenwei.cli.language import say


def sign(
    files: Annotated[
        list[Path], typer.Argument(help="Reports: JSON, pages, PDFs.", metavar="FILE...", show_default=False)
    ],
    key: Annotated[
        Path | None, typer.Option("--key", help="An Ed25519 key in PEM; else this installation's.", metavar="PEM")
    ] = None,
    signer: Annotated[str, typer.Option("--signer", help="Who signs, as it is to stand in the signature.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The signature; else beside the file.", metavar="FILE.sig")
    ] = None,
    force: Force = False,
) -> None:
    """Sign a report, so that whoever gets it can tell that nothing changed since.

    FILE.sig is written beside it: JSON with the SHA-256 of the file, time, signer, public key and an Ed25519 signature
    (RFC 8032). The key is made at first use and stays on this machine; ZHENWEI_HOME says where. The fingerprint that is
    shown is to be told to the reader by another way: it is what zhenwei report verify --signer checks.

    Examples:

      zhenwei report sign clip.json

      zhenwei report sign clip.json clip.pdf --signer "J. Doe, laboratory 3"

      zhenwei report sign clip.json --key my-key.pem
    """
    from zhenwei.defence.keys import home_folder
    from zhenwei.errors import UsageError
    from zhenwei.pages import legible
    from zhenwei.report import signature

    if output is not None and len(files) > 1:
        raise UsageError("several files have a signature each", got=f"--output {output}", want="one file beside it")
    held = signature.own_key(home_folder(os.environ)) if key is None else signature.read_key(key)
    for file in files:
        where = output or signature.beside(file)
        if where.resolve() in [one.resolve() for one in (file, key) if one is not None]:
            raise UsageError("the signature would take the place of what is signed, or of the key", got=str(where))
        if where.exists() and not force:
            fix = "Name another with --output, or add --force."
            raise UsageError("a file of that name is there", got=str(where), fix=fix)
        signature.sign(file, held, signer=signer, signed_at=datetime.now().astimezone(), to=where)
        typer.echo(say("{} was signed: {}", legible(str(file), 4000), legible(str(where), 4000)))
    typer.echo(say("Fingerprint of the key: {}", signature.fingerprint(held.public_key().public_bytes_raw())))
