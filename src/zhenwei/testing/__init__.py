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
    audio_subject,
    face_in,
    face_mesh,
    image_subject,
    portrait,
    strip_subject,
    subjects,
    video_subject,
)

__all__ = [
    "CHECKS",
    "HEAVY",
    "ContractError",
    "Subjects",
    "audio_subject",
    "check_detector",
    "check_imports",
    "face_in",
    "face_mesh",
    "image_subject",
    "portrait",
    "strip_subject",
    "subjects",
    "video_subject",
]
