# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture of a motion: poses from the side, the path from above, the error over time.

The side view is unrolled: poses are in a row over time, each rotated to show the body half from the side, so that a
motion on a circle reads as well as one on a line. Targets are amber, the left of the body blue, the right red.

Legend: T frames, J = 22 joints, P poses shown.
"""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from scipy.ndimage import uniform_filter1d

from blender_addon.shared.control import ControlSignal, control_errors
from blender_addon.shared.skeleton import SKELETON, joint_label

from ..metrics import foot_skating_ratio
from .clip import ExportClip

LEFT, RIGHT, MIDDLE = "#1f6fb2", "#c8443c", "#3b424c"
TARGET, ACHIEVED, FAINT = "#f0a202", "#16324f", "#c9ced6"
_POSES_MAX = 13
_SPACING_M = (0.8, 1.0)  # on the page between neighbouring poses: how far the pelvis moved, within these bounds
_VIEW_YAW = np.radians(62)  # 90 would be the pure side view; less separates left from right


def write_picture(clip: ExportClip, stream: BinaryIO, format: str = "png") -> None:
    """Draw ``clip`` as a contact sheet of 12 x 8 inches and write it as png, jpg, pdf or svg."""
    figure = Figure(figsize=(12, 8), dpi=130, facecolor="white")
    grid = figure.add_gridspec(
        2,
        2,
        height_ratios=[1.0, 1.55],
        width_ratios=[1.45, 1],
        left=0.055,
        right=0.975,
        bottom=0.07,
        top=0.86,
        hspace=0.14,
        wspace=0.14,
    )
    frames = _pose_frames(clip)
    draw_side(figure.add_subplot(grid[0, :]), clip)
    figure.text(0.055, 0.868, "From the side, over time", fontsize=10, color=MIDDLE)
    _draw_above(figure.add_subplot(grid[1, 0]), figure.get_size_inches(), clip, frames)
    _draw_over_time(figure.add_subplot(grid[1, 1]), clip)
    _draw_caption(figure, clip)
    figure.savefig(stream, format=format, metadata={"Date": None} if format == "svg" else None)


def _signal(clip: ExportClip) -> ControlSignal | None:
    if clip.hint is None or clip.hint_mask is None or not clip.hint_mask.any():
        return None
    return ControlSignal(clip.hint, clip.hint_mask, clip.free_height)


def _pose_frames(clip: ExportClip) -> np.ndarray:
    """Frames shown as figures: evenly spread, no more often than every fifth of a second."""
    count = int(np.clip(clip.seconds / 0.2, 2, _POSES_MAX)) if clip.num_frames > 1 else 1
    return np.unique(np.linspace(0, clip.num_frames - 1, count).round().astype(int))


def _facing(joints: np.ndarray) -> np.ndarray:
    """Heading (T,) in radians about +Y, from hips and shoulders, without jumps and a little smoothed."""
    left = SKELETON.indices("left_hip", "left_shoulder")
    right = SKELETON.indices("right_hip", "right_shoulder")
    across = (joints[:, left] - joints[:, right]).sum(1)
    heading = np.unwrap(np.arctan2(-across[:, 2], across[:, 0]))
    return uniform_filter1d(heading, size=9, mode="nearest")


def _project(points: np.ndarray, root: np.ndarray, heading: float) -> np.ndarray:
    """Points (..., 3) as (right on the page, height), seen half from the side of a figure at ``root`` that faces
    right.
    """
    yaw = heading - _VIEW_YAW
    offset = points - root
    along = offset[..., 0] * np.cos(yaw) - offset[..., 2] * np.sin(yaw)
    return np.stack([along, points[..., 1]], axis=-1)


def _bones(points: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Segments (J-1,2,2) of a projected figure (J,2) and their colours; the far side of the body comes first."""
    order = sorted(range(1, SKELETON.num_joints), key=lambda j: SKELETON.names[j].startswith("right"))
    segments = np.stack([np.stack([points[SKELETON.parents[j]], points[j]]) for j in order])
    colours = [_colour(SKELETON.names[j]) for j in order]
    return segments, colours


def _colour(name: str) -> str:
    return LEFT if name.startswith("left") else RIGHT if name.startswith("right") else MIDDLE


def draw_side(axes: Axes, clip: ExportClip) -> None:
    """Poses of ``clip`` in a row over time, seen half from the side, at equal scale in metres."""
    frames = _pose_frames(clip)
    joints = np.asarray(clip.joints, dtype=np.float64)
    steps = np.linalg.norm(np.diff(joints[:, 0][:, [0, 2]], axis=0), axis=-1)
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    heading, signal = _facing(joints), _signal(clip)
    columns = [0.0]
    for frame, following in pairwise(frames):
        columns.append(columns[-1] + float(np.clip(travelled[following] - travelled[frame], *_SPACING_M)))
    for column, frame in zip(columns, frames, strict=True):
        shift = np.array([column, 0.0])
        points = _project(joints[frame], joints[frame, 0], heading[frame]) + shift
        segments, colours = _bones(points)
        axes.add_collection(LineCollection(list(segments), colors=colours, linewidths=2.6, capstyle="round", zorder=3))
        head = points[SKELETON.index("head")]
        axes.scatter(head[0], head[1], s=42, color=MIDDLE, zorder=4)
        if signal is not None:
            reached, target = joints[frame][signal.hint_mask[frame]], signal.hint[frame][signal.hint_mask[frame]]
            target = np.where(signal.coordinates[frame][signal.hint_mask[frame]], target, reached)
            if len(target):
                marks = _project(target, joints[frame, 0], heading[frame]) + shift
                axes.scatter(
                    marks[:, 0], marks[:, 1], s=46, facecolors="none", edgecolors=TARGET, linewidths=1.8, zorder=5
                )
        axes.text(column, -0.1, f"{frame / clip.fps:.1f} s", ha="center", va="top", fontsize=8, color=MIDDLE)
    low = min(0.0, float(joints[frames, :, 1].min()))
    high = max(1.75, float(joints[frames, :, 1].max()))
    axes.axhline(0, color=FAINT, linewidth=1.2, zorder=1)
    axes.set_xlim(columns[0] - 0.7, columns[-1] + 0.7)
    axes.set_ylim(low - 0.3, high + 0.12)
    axes.set_aspect("equal")
    axes.axis("off")


def _draw_above(axes: Axes, figure_size: np.ndarray, clip: ExportClip, frames: np.ndarray) -> None:
    """X to the left of the character that starts facing +Z up the page: seen from above and behind."""
    joints, signal = np.asarray(clip.joints, dtype=np.float64), _signal(clip)
    path = joints[:, 0][:, [0, 2]]
    if signal is not None:
        _draw_targets(axes, joints, signal)
    axes.plot(path[:, 0], path[:, 1], color=ACHIEVED, linewidth=1.8, label="pelvis, achieved", zorder=4)
    left, right = SKELETON.indices("left_shoulder", "right_shoulder")
    for frame in frames:
        ends = joints[frame][[left, right]][:, [0, 2]]
        axes.plot(
            *zip(ends[0], ends.mean(0), strict=True),
            color=LEFT,
            linewidth=2.4,
            alpha=0.75,
            solid_capstyle="round",
            zorder=3,
        )
        axes.plot(
            *zip(ends[1], ends.mean(0), strict=True),
            color=RIGHT,
            linewidth=2.4,
            alpha=0.75,
            solid_capstyle="round",
            zorder=3,
        )
    axes.scatter(path[0, 0], path[0, 1], s=60, color="white", edgecolors=ACHIEVED, linewidths=1.8, zorder=6)
    axes.annotate("start", path[0], xytext=(8, -12), textcoords="offset points", fontsize=8, color=ACHIEVED)
    shown = [path] if signal is None else [path, signal.hint[signal.hint_mask][:, [0, 2]]]
    _frame_view(axes, figure_size, np.concatenate(shown))
    axes.grid(color="#eceef1", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=MIDDLE, labelsize=8, color=FAINT)
    axes.set_xlabel("x, metres", fontsize=8, color=MIDDLE)
    axes.set_ylabel("z, metres", fontsize=8, color=MIDDLE)
    axes.set_title("From above", loc="left", fontsize=10, color=MIDDLE)
    axes.legend(fontsize=8, frameon=False, loc="best")


def _draw_targets(axes: Axes, joints: np.ndarray, signal: ControlSignal) -> None:
    """Targets of every controlled joint, dense ones as a band, and a line from each to where the joint arrived."""
    for joint in np.flatnonzero(signal.hint_mask.any(0)):
        frames = np.flatnonzero(signal.hint_mask[:, joint])
        targets, reached = signal.hint[frames, joint][:, [0, 2]], joints[frames, joint][:, [0, 2]]
        label = f"{joint_label(SKELETON.names[joint])}, target"
        if len(frames) > 0.5 * (frames[-1] - frames[0] + 1) and len(frames) > 3:
            axes.plot(*targets.T, color=TARGET, linewidth=6, alpha=0.55, solid_capstyle="round", label=label, zorder=2)
        else:
            ring: dict[str, Any] = {"facecolors": "none", "edgecolors": TARGET, "linewidths": 2}
            axes.scatter(targets[:, 0], targets[:, 1], s=60, label=label, zorder=5, **ring)
        if joint:
            axes.plot(
                *joints[:, joint][:, [0, 2]].T, color=_colour(SKELETON.names[joint]), linewidth=1.0, alpha=0.6, zorder=2
            )
        axes.add_collection(
            LineCollection(list(np.stack([targets, reached], axis=1)), colors=ACHIEVED, linewidths=0.9, zorder=5)
        )


def _frame_view(axes: Axes, inches: np.ndarray, points: np.ndarray) -> None:
    """Limits that show ``points`` (K,2) in a figure of ``inches`` (2,) with a margin at equal scale; X grows to the
    left, as it does for the character.
    """
    centre = (points.min(0) + points.max(0)) / 2
    half = np.maximum((points.max(0) - points.min(0)) / 2, 0.75) + 0.45
    box = axes.get_position().size * inches
    half = box * (half / box).max()
    axes.set_xlim(centre[0] + half[0], centre[0] - half[0])
    axes.set_ylim(centre[1] - half[1], centre[1] + half[1])
    axes.set_aspect("equal")


def _draw_over_time(axes: Axes, clip: ExportClip) -> None:
    """Distance from the targets over time; without any, the speed of the pelvis."""
    joints, signal = np.asarray(clip.joints, dtype=np.float64), _signal(clip)
    seconds = np.arange(clip.num_frames) / clip.fps
    if signal is None:
        speed = np.linalg.norm(np.diff(joints[:, 0][:, [0, 2]], axis=0), axis=-1) * clip.fps
        axes.plot(seconds[1:], speed, color=ACHIEVED, linewidth=1.6)
        axes.set_title("Speed of the pelvis, m/s", loc="left", fontsize=10, color=MIDDLE)
    else:
        for joint in np.flatnonzero(signal.hint_mask.any(0)):
            frames = np.flatnonzero(signal.hint_mask[:, joint])
            miss = (joints[frames, joint] - signal.hint[frames, joint]) * signal.coordinates[frames, joint]
            error = 100 * np.linalg.norm(miss, axis=-1)
            style = {"linewidth": 1.6} if len(frames) > 12 else {"marker": "o", "linestyle": "none"}
            colour = ACHIEVED if joint == 0 else _colour(SKELETON.names[joint])
            axes.plot(seconds[frames], error, color=colour, label=joint_label(SKELETON.names[joint]), **style)
        average = 100 * float(control_errors(joints, signal).mean())
        axes.axhline(average, color=TARGET, linewidth=1.4, linestyle="--", label=f"average {average:.2f} cm")
        axes.set_title("Distance from the targets, cm", loc="left", fontsize=10, color=MIDDLE)
        axes.legend(fontsize=8, frameon=False, loc="upper right", ncols=2)
    axes.set_ylim(0, 1.22 * max(axes.dataLim.y1, 0.1))
    axes.set_xlim(0, max(seconds[-1], 1 / clip.fps))
    axes.set_xlabel("seconds", fontsize=8, color=MIDDLE)
    axes.tick_params(colors=MIDDLE, labelsize=8, color=FAINT)
    axes.grid(color="#eceef1", linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)


def _draw_caption(figure: Figure, clip: ExportClip) -> None:
    prompt = textwrap.shorten(clip.prompt, 110, placeholder=" …") if clip.prompt else "Motion"
    figure.text(
        0.055,
        0.955,
        f"“{prompt}”" if clip.prompt else prompt,
        fontsize=17,
        color=ACHIEVED,
        va="center",
        parse_math=False,
    )
    facts = [f"{clip.seconds:.1f} s, {clip.num_frames} frames at {clip.fps:g} fps"]
    signal = _signal(clip)
    if signal is not None:
        errors = 100 * control_errors(clip.joints, signal)
        facts.append(f"control error: average {errors.mean():.2f} cm, maximum {errors.max():.2f} cm")
    facts.append(f"foot skating {foot_skating_ratio(clip.joints, clip.fps):.3f}")
    if clip.seed is not None:
        facts.append(f"seed {clip.seed}")
    if clip.model:
        facts.append(clip.model)
    figure.text(0.055, 0.915, "   ·   ".join(facts), fontsize=9.5, color=MIDDLE, va="center", parse_math=False)
