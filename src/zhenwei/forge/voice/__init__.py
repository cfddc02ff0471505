"""Voices: copied, converted, drawn. What is offered here are copies by vocoders: genuine speech taken apart and put
together again, so that only the machine is new.

Copy-synthesis after X. Wang & J. Yamagishi, Spoofed training data for speech spoofing countermeasure can be efficiently
created using neural vocoders, ICASSP 2023: the copy says the same words in the same voice at the same time, hence a
detector that learns from pairs learns what the vocoder left. Nobody is imitated, and what is made stays inside the
process. :mod:`.convert` and :mod:`.mel_model` learn from people, with consent; :mod:`.say` is their way out.
"""

from zhenwei.forge.voice.channel import draw_channel
from zhenwei.forge.voice.copies import KINDS, NEURAL_KINDS, Copy, copy_voice, equalised

__all__ = ["KINDS", "NEURAL_KINDS", "Copy", "copy_voice", "draw_channel", "equalised"]
