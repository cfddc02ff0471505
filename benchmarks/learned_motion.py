"""Puts a run of ``zhenwei forge motion train`` in the package: ``python -m benchmarks.learned_motion RUN --minutes N``.

The shipped network may have seen drawn puppets alone. Its scores are on ``docs/lecture/learned_motion.md``, written
anew by ``scripts/lecture learned_motion``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zhenwei.forge.animate.first_order import open_run
from zhenwei.forge.animate.learned import home, save_weights


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, required=True, help="of one core that it was trained for")
    given = parser.parse_args()
    net, told = open_run(given.run)
    if told["consent"] or "drawn puppets" not in told["data"]:
        sys.exit(f"Not shipped: learned from {told['data']}, and only drawn puppets are nobody.")
    kept = {"data": told["data"], "steps": told["step"], "batch": told["settings"]["batch"], "minutes": given.minutes}
    save_weights(net, kept, home())
    return 0


if __name__ == "__main__":
    sys.exit(main())
