# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures by which a motion is judged: distance from its control, sliding feet, distance from a reference.

Numpy only, so that the report of the command line and the evaluation of the training share one definition.

Legend: T frames, J = 22 joints, K controlled points (frame and joint). Positions in metres, Y up, floor at Y = 0.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from blender_addon.shared.skeleton import FEET, FPS, SKELETON

CONTACT_HEIGHT = 0.05
SLIDING_SPEED = 0.5
SMOOTHING_FRAMES = 5


def foot_skating_ratio(joints: np.ndarray, fps: float = FPS) -> float:
    """Share of the T-1 frame steps in which a foot that touches the floor slides.

    ``joints`` (T,J,3). A foot (toe joint) touches in a step when it is lower than 5 cm in both of its frames; it
    slides when its horizontal speed and the mean of that speed over 5 steps (zeros beyond the ends) are both above
    0.5 m/s. One sliding foot is enough. The measure of OmniControl and MotionLCM. Fewer than two frames slide
    nowhere: 0.
    """
    joints = np.asarray(joints, dtype=np.float64)
    if len(joints) < 2:
        return 0.0
    feet = joints[:, SKELETON.indices(*FEET)]
    low = feet[..., 1] < CONTACT_HEIGHT
    touches = low[1:] & low[:-1]
    speed = np.linalg.norm(np.diff(feet[..., [0, 2]], axis=0), axis=-1) * fps
    seen = np.pad(speed, ((SMOOTHING_FRAMES // 2, SMOOTHING_FRAMES // 2), (0, 0)))
    mean_speed = np.lib.stride_tricks.sliding_window_view(seen, SMOOTHING_FRAMES, axis=0).mean(-1)
    slides = touches & (speed > SLIDING_SPEED) & (mean_speed > SLIDING_SPEED)
    return float(slides.any(axis=-1).mean())


@dataclass(frozen=True)
class ControlMetrics:
    """How well one motion keeps to its controlled points; distances in metres, shares between 0 and 1.

    ``trajectory_error_*`` is 1 when any point misses by more than the distance, ``location_error_*`` the share of
    points that do.
    """

    average_error: float = 0.0
    maximum_error: float = 0.0
    percentile95_error: float = 0.0
    trajectory_error_20cm: float = 0.0
    trajectory_error_50cm: float = 0.0
    location_error_20cm: float = 0.0
    location_error_50cm: float = 0.0

    def to_dict(self) -> dict[str, float]:
        return asdict(self)


def control_metrics(distances: np.ndarray) -> ControlMetrics:
    """The measures of one motion from its K ``distances`` in metres
    (``blender_addon.shared.control.control_errors``); none: all zero.
    """
    distances = np.asarray(distances, dtype=np.float64).reshape(-1)
    if distances.size == 0:
        return ControlMetrics()
    far20, far50 = distances > 0.2, distances > 0.5
    return ControlMetrics(
        average_error=float(distances.mean()),
        maximum_error=float(distances.max()),
        percentile95_error=float(np.percentile(distances, 95)),
        trajectory_error_20cm=float(far20.any()),
        trajectory_error_50cm=float(far50.any()),
        location_error_20cm=float(far20.mean()),
        location_error_50cm=float(far50.mean()),
    )


def mpjpe(joints: np.ndarray, reference: np.ndarray, *, align_root: bool = True) -> float:
    """Mean distance in metres between the joints of two motions (T,J,3); ``align_root`` first lays the pelvis of each
    frame on the other.
    """
    joints, reference = np.asarray(joints, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if align_root:
        joints, reference = joints - joints[..., :1, :], reference - reference[..., :1, :]
    return float(np.linalg.norm(joints - reference, axis=-1).mean())
