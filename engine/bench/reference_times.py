# SPDX-License-Identifier: GPL-3.0-or-later
"""Other measurements to compare with: a JSON file of times, as `gaitway bench` itself prints it or as written by hand.

    {"name": "…", "matrix_gflops": 141, "rows": [{"frames": 196, "steps": 1, "control": "path", "seconds": 0.160}]}

``matrix_gflops``, if given, is how fast torch multiplied float32 matrices where the times were taken, in 10^9
operations a second. With it the times can be compared between machines, and on one that others use as well: seconds
times rate is work that could have been done.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blender_addon.shared.errors import BadRequest

Setting = tuple[int, int, str]  # frames, steps, control


@dataclass(frozen=True)
class ReferenceTimes:
    """Seconds by setting."""

    name: str
    seconds: dict[Setting, float]
    matrix_gflops: float | None


def read_reference_times(path: Path) -> ReferenceTimes:
    """Raises BadRequest when the file is not there or does not hold times."""
    try:
        text = path.read_text(encoding="utf-8").strip()
        # The output of `gaitway bench`, kept as it is, ends in the line that counts.
        values = json.loads(text if text.startswith("{") else text.splitlines()[-1])
        seconds = {(int(r["frames"]), int(r["steps"]), str(r["control"])): float(r["seconds"]) for r in values["rows"]}
        rate = values.get("matrix_gflops")
        if not seconds or not all(0 < s < float("inf") for s in seconds.values()) or (rate is not None and rate <= 0):
            raise ValueError("there are no rows, or times that are not above zero")
        name = str(values.get("name") or values.get("model") or path.stem)
        return ReferenceTimes(name, seconds, None if rate is None else float(rate))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadRequest(
            f"{path} holds no times to compare with ({error}).",
            'Give what `gaitway bench` has printed, or {"name": …, "rows": [{"frames": 196, "steps": 1, '
            '"control": "path", "seconds": 0.16}]}; control is none, path or refined.',
        ) from error


def compare(
    reference: ReferenceTimes,
    seconds: dict[Setting, float],
    matrix_gflops: dict[Setting, float],
    cpu_seconds: dict[Setting, float] | None = None,
) -> list[dict[str, Any]]:
    """For each setting that both have: ``ratio``, how many times faster it is here, and ``ratio_at_equal_rate``, the
    same if the reference's machine multiplied matrices as fast as this one did in the same run (None without its rate).

    matrix_gflops: torch's rate here, while that setting was measured. cpu_seconds: what all processors spent on it,
    which tells more than the clock on a machine that others use as well.
    """
    rows = []
    for setting in sorted(seconds.keys() & reference.seconds.keys()):
        ratio = reference.seconds[setting] / seconds[setting]
        equal = None if reference.matrix_gflops is None else ratio * reference.matrix_gflops / matrix_gflops[setting]
        frames, steps, control = setting
        rows.append(
            {
                "frames": frames,
                "steps": steps,
                "control": control,
                "reference_seconds": reference.seconds[setting],
                "seconds": seconds[setting],
                "cpu_seconds": None if cpu_seconds is None else cpu_seconds[setting],
                "ratio": ratio,
                "ratio_at_equal_rate": equal,
            }
        )
    return rows
