"""The lab's door as the command line opens it: with the keys of this user, today."""

from __future__ import annotations

import datetime
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zhenwei.forge.export import Door


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def opened_door() -> Door:
    """Keys and certificates are made at first use, in ZHENWEI_HOME or the user's folder of settings."""
    from zhenwei.defence.keys import home_folder
    from zhenwei.forge.export import open_door

    return open_door(home_folder(os.environ), today())
