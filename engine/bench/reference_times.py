# SPDX-License-Identifier: GPL-3.0-or-later
"""Other measurements to compare with: a JSON file of times, printed by `gaitway bench` or written by hand.

    {"name": "…", "matrix_gflops": 141, "rows": [{"frames": 196, "steps": 1, "control": "path", "seconds": 0.160}]}

``matrix_gflops``, if given, is how fast torch multiplied float32 matrices where the times were taken, in 10^9
operations a second. With it times can be compared between machines, and on one that others use too: seconds times rate
is the work that could have been done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blender_addon.shared.errors import BadRequest

if TYPE_CHECKING:
    from .bench import Row

Setting = tuple[int, int, str]  # frames, steps, control


@dataclass(frozen=True)
class ReferenceTimes:
    """Seconds by setting."""

    name: str
    seconds: dict[Setting, float]
    matrix_gflops: float | None


def read_reference_times(path: Path) -> ReferenceTimes:
    """Raises BadRequest when the file is missing or contains no times."""
    try:
        text = path.read_text(encoding="utf-8").strip()
        # The output of `gaitway bench`, saved as it is, ends with the line of JSON.
        values = json.loads(text if text.startswith("{") else text.splitlines()[-1])
        seconds = {(int(r["frames"]), int(r["steps"]), str(r["control"])): float(r["seconds"]) for r in values["rows"]}
        rate = values.get("matrix_gflops")
        if not seconds or not all(0 < s < float("inf") for s in seconds.values()) or (rate is not None and rate <= 0):
            raise ValueError("there are no rows, or times that are not above zero")
        name = str(values.get("name") or values.get("model") or path.stem)
        return ReferenceTimes(name, seconds, None if rate is None else float(rate))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadRequest(
            f"'{path}' contains no times to compare with ({error}).",
            'Give the output of `gaitway bench`, or {"name": …, "rows": [{"frames": 196, "steps": 1, '
            '"control": "path", "seconds": 0.16}]}; control is none, path or refined.',
        ) from error


def compare(reference: ReferenceTimes, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """For each setting that both have: ``ratio``, how many times faster it is here, and ``ratio_at_equal_rate``, the
    same if the reference's machine multiplied matrices as fast as this one did in the same run (None without its rate).

    ``cpu_seconds``, what all processors spent here, says more than the clock on a machine that others use too.
    """
    measured = {(row.frames, row.steps, row.control): row for row in rows}
    return [_compared(reference, measured[setting]) for setting in sorted(measured.keys() & reference.seconds.keys())]


def _compared(reference: ReferenceTimes, row: Row) -> dict[str, Any]:
    theirs = reference.seconds[row.frames, row.steps, row.control]
    ratio = theirs / row.seconds
    rate = reference.matrix_gflops
    return {
        "frames": row.frames,
        "steps": row.steps,
        "control": row.control,
        "reference_seconds": theirs,
        "seconds": row.seconds,
        "cpu_seconds": row.cpu_seconds,
        "ratio": ratio,
        "ratio_at_equal_rate": None if rate is None else ratio * rate / (row.rate.torch / 1e9),
    }
