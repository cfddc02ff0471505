"""``zhenwei forge``: the lab. Each group of commands has a file of its own, ``_forge_<name>.py``."""

from __future__ import annotations

import typer

from zhenwei.cli._forge_animate import animate
from zhenwei.cli._forge_consent import consent
from zhenwei.cli._forge_gan import gan
from zhenwei.cli._forge_make import make
from zhenwei.cli._forge_motion import motion
from zhenwei.cli._forge_swap import swap
from zhenwei.cli._forge_translate import translate
from zhenwei.cli._forge_voice import voice
from zhenwei.cli._forge_voice_runs import convert, learn, model, read, speak  # noqa: F401  # they join the group

_HELP = """The lab: how forgeries are made, in small, to teach and to make labelled training data.

Whatever is written leaves through one door: a label that can be seen or heard, a watermark, metadata and a signed
credential. None of them can be turned off. Faces stay at 128 px and below, and training on anybody's face or voice
needs a consent manifest.

Examples:

  zhenwei forge make self_blend portrait.jpg --count 4 --output forged/

  zhenwei forge swap train faces/anna faces/bruno --consent consent.json --output run

  zhenwei forge voice copy recordings/anna --subject anna --consent recordings/consent.json --output copies/

  zhenwei forge animate portrait.jpg --audio voice.wav --consent consent.json --output said.mp4

  zhenwei forge gan sample --output sheet.png

  zhenwei forge translate train --puppets 300 --output run

  zhenwei forge consent make faces/anna --subject anna --basis self --scope face --expires 2027-12-31
"""

forge = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")
forge.add_typer(consent, name="consent", short_help="Note whose face or voice may be used, and check it later.")
forge.add_typer(swap, name="swap", short_help="The autoencoder swap between two people.")
forge.add_typer(gan, name="gan", short_help="Faces out of noise: DCGAN, WGAN-GP and StyleGAN, trained and sampled.")
forge.add_typer(translate, name="translate", short_help="One kind of faces into another: CycleGAN.")
forge.add_typer(motion, name="motion", short_help="Motion of a clip put on a portrait, learned: first-order motion.")
forge.add_typer(voice, name="voice", short_help="Speech copied, converted, drawn and read.")
forge.command("make", short_help="Forge photographs and clips, with mask and recipe.")(make)
forge.command("animate", short_help="One portrait moved like somebody in a clip, or made to speak.")(animate)
