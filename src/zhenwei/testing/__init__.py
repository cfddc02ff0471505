"""The contract that every detector is held to, as plain functions; for this package and for authors of plug-ins.

    from zhenwei.testing import check_detector

    def test_my_detector() -> None:
        check_detector(MyDetector)

``check_detector`` runs every one of ``CHECKS`` and raises ``ContractError`` with one clear sentence at the first that
fails. It asks about ``subjects()``, made here without files; the other functions make more.
"""

from zhenwei.testing.contract import CHECKS, HEAVY, ContractError, check_detector, check_imports
from zhenwei.testing.made import (
    Subjects,
    clip_subject,
    face_in,
    face_mesh,
    picture_subject,
    portrait,
    sound_subject,
    strip_subject,
    subjects,
)

__all__ = [
    "CHECKS",
    "HEAVY",
    "ContractError",
    "Subjects",
    "check_detector",
    "check_imports",
    "clip_subject",
    "face_in",
    "face_mesh",
    "picture_subject",
    "portrait",
    "sound_subject",
    "strip_subject",
    "subjects",
]
