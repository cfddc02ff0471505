"""Voices copied by vocoders: genuine speech taken apart and put together again, so that only the machine is new.

Copy-synthesis after X. Wang & J. Yamagishi, Spoofed training data for speech spoofing countermeasure can be efficiently
created using neural vocoders, ICASSP 2023: the copy says the same words in the same voice at the same time, hence a
detector that learns from pairs learns what the vocoder left. Nobody is imitated. What is made here is for training
inside the process.
"""

from zhenwei.forge.voice.channel import draw_channel
from zhenwei.forge.voice.copies import KINDS, Copy, copy_voice, equalised

__all__ = ["KINDS", "Copy", "copy_voice", "draw_channel", "equalised"]
