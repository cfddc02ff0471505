"""What file names of the face data sets say: the source video, the people."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_YOUTUBE = re.compile(r"([0-9]{3})(?:_([0-9]{3}))?")
_ACTORS = re.compile(r"([0-9]{2})(?:_([0-9]{2}))?__(.+?)(?:__[A-Z0-9]{8})?")
_CELEB = re.compile(r"(id[0-9]+)(?:_(id[0-9]+))?_([0-9]{4})")


@dataclass(frozen=True, slots=True)
class Names:
    """``target``: whose video it is; ``source``: whose face was put in ("" in a genuine one); ``video``: the original
    that the file is, or was made from."""

    target: str
    source: str
    video: str


def youtube(stem: str) -> Names | None:
    """FaceForensics++: ``000`` is an original, ``000_003`` is video 000 with what was taken from 003."""
    found = _YOUTUBE.fullmatch(stem)
    return Names(found[1], found[2] or "", found[1]) if found else None


def actors(stem: str) -> Names | None:
    """DeepFakeDetection: ``01__scene``, and ``01_02__scene__CODE`` with the face of actor 02."""
    found = _ACTORS.fullmatch(stem)
    return Names(f"actor {found[1]}", found[2] or "", f"{found[1]}__{found[3]}") if found else None


def celeb(stem: str) -> Names | None:
    """Celeb-DF: ``id0_0005``, and ``id0_id1_0005`` = that video with the face of id1."""
    found = _CELEB.fullmatch(stem)
    return Names(found[1], found[2] or "", f"{found[1]}_{found[3]}") if found else None


def families(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Person -> the name of all people they are joined with by some forgery, "000+003".

    FaceForensics++ forges in pairs, each into the other, so families are pairs there.
    """
    parent: dict[str, str] = {}

    def root(person: str) -> str:
        parent.setdefault(person, person)
        while parent[person] != person:
            parent[person] = parent[parent[person]]
            person = parent[person]
        return person

    for a, b in pairs:
        parent[root(a)] = root(b)
    members: dict[str, list[str]] = {}
    for person in sorted(parent):
        members.setdefault(root(person), []).append(person)
    return {person: "+".join(members[root(person)]) for person in parent}
