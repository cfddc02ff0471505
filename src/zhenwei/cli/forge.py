"""``zhenwei forge``: the lab. Each group of commands has a file of its own, ``_forge_<name>.py``."""

from __future__ import annotations

import typer

_HELP = """The lab: how forgeries are made, in small, to teach and to make labelled training data.

Whatever is written leaves through one door: a label that can be seen or heard, a watermark, metadata and a signed
credential. None of them can be turned off. Faces stay below 128 px, and training on anybody's face or voice needs a
consent manifest.
"""

forge = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")
