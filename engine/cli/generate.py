# SPDX-License-Identifier: GPL-3.0-or-later
"""``gaitway generate``: a sentence and a path in, files and a report out."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blender_addon.shared.errors import BadRequest

from ..export import WRITERS, Kind, check_target, export_clip, numbered, suffixes
from .options import AsJson, BvhUnit, Checkpoint, Device
from .terminal import progress_bar

if TYPE_CHECKING:
    from blender_addon.shared.protocol import Generate, Result, Welcome

    from ..export.clip import ExportClip
    from ..report import Report

_control = partial(typer.Option, rich_help_panel="Control")
_result = partial(typer.Option, rich_help_panel="Result")
_model = partial(typer.Option, rich_help_panel="Model")


def _formats(kind: Kind) -> str:
    return ", ".join(f"{suffix} ({WRITERS[suffix].help})" for suffix in suffixes(kind))


@dataclass(frozen=True)
class ControlOptions:
    """What the character does, and where it goes."""

    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help='What the character does, in English: "a person walks happily".')
    ]
    path: Annotated[
        Path | None,
        _control(
            metavar="FILE",
            help="Path of the pelvis: a CSV or JSON file with time, x, y, z in seconds and metres (Y up, Z forward). "
            "Without y the path is on the ground; without time its speed is constant.",
        ),
    ] = None
    ground: Annotated[
        str | None,
        _control(
            metavar="flat|path|FILE",
            help="What the path runs on. flat: the level floor at height 0, with y as the height of the hips. path: "
            "the ground is as high as the path itself. A mesh (.obj, metres, Y up): the ground under the path. "
            "Default: flat.",
        ),
    ] = None
    control: Annotated[
        list[str] | None,
        _control(
            metavar="JOINT=FILE",
            help="Positions of another joint over time, such as right_wrist=wave.csv. Repeat for more joints.",
        ),
    ] = None
    tolerance: Annotated[
        float | None,
        _control(
            metavar="CENTIMETRES",
            help="How far joints may stay from their targets. Default: as close as possible.",
            min=0.0,
        ),
    ] = None
    slack: Annotated[
        float | None,
        _control(
            metavar="SECONDS",
            help="How many seconds early or late a joint may arrive. Default: on time.",
            min=0.0,
            max=10.0,
        ),
    ] = None
    surroundings: Annotated[
        Path | None,
        _control(
            metavar="FILE",
            help="JSON file with obstacles to avoid (spheres, boxes, capsules), and with joints that keep their "
            "position relative to another joint.",
        ),
    ] = None
    then: Annotated[
        list[str] | None,
        _control(
            metavar="SECONDS=PROMPT",
            help='What the character does from that time on, such as "4=a person sits down". Repeat for more prompts.',
        ),
    ] = None
    from_standing: Annotated[
        bool,
        _control(
            "--from-standing",
            help="Start from a stand: slow at the start of the path, a little faster later. The length stays.",
        ),
    ] = False
    to_standing: Annotated[
        bool, _control("--to-standing", help="Come to a stand at the end of the path; see --from-standing.")
    ] = False
    loop: Annotated[bool, _control("--loop", help="Make the motion loop: the end leads back to the start.")] = False
    in_place: Annotated[bool, _control("--in-place", help="Stay over the starting point, as on a treadmill.")] = False
    base: Annotated[
        Path | None, _control(metavar="FILE", help="An earlier motion (.npz) to change in part; see --redo.")
    ] = None
    redo: Annotated[
        list[str] | None,
        _control(
            metavar="FROM-TO",
            help="Seconds of --base to regenerate, such as 2.5-4; the rest is kept. Repeat for more ranges.",
        ),
    ] = None
    length: Annotated[
        float | None,
        _control(
            metavar="SECONDS",
            help="Length of the motion, at most 600 seconds. Default: until the last time in the files, the length of "
            "--base, or 6.",
        ),
    ] = None
    heading: Annotated[
        float | None,
        _control(
            metavar="DEGREES",
            help="Direction the character faces at the start, in degrees: 0 along Z, 90 along X. Default: along the "
            "path.",
        ),
    ] = None


@dataclass(frozen=True)
class ResultOptions:
    """Where the motions go, and how many there are."""

    out: Annotated[
        list[Path] | None,
        _result("--out", "-o", metavar="FILE", help=f"File to write: {_formats('motion')}. Repeat for more files."),
    ] = None
    picture: Annotated[
        Path | None,
        _result(
            metavar="FILE",
            help=f"Contact sheet to write ({', '.join(suffixes('picture'))}): the motion from the side and from above.",
        ),
    ] = None
    variations: Annotated[int, _result(metavar="N", help="How many different motions to generate.", min=1)] = 1
    bvh_unit: BvhUnit = "m"
    as_json: AsJson = False

    def check(self) -> None:
        """Find out before any work what could not be written later: ExportError; BadRequest for nothing at all."""
        if not self.out and self.picture is None and not self.as_json:
            raise BadRequest("There is nothing to write.", "Add --out walk.bvh, or --picture walk.png, or both.")
        for path in self.out or ():
            check_target(path, "motion")
        if self.picture is not None:
            check_target(self.picture, "picture")

    def write(self, clip: ExportClip, variation: int) -> list[Path]:
        """Write ``variation`` (from 0) to its files and return their paths. Raises ExportError."""
        targets = [*(self.out or ()), *([self.picture] if self.picture else [])]
        number = variation + 1
        return [export_clip(clip, numbered(path, number, self.variations), bvh_unit=self.bvh_unit) for path in targets]


@dataclass(frozen=True)
class ModelOptions:
    """How the motion is generated."""

    seed: Annotated[
        int,
        _model(metavar="N", help="Random seed: the same number gives the same motion.", min=0, max=2**63 - 1),
    ] = 0
    steps: Annotated[
        int,
        _model(metavar="N", help="Sampling steps: more are finer and slower. 0: the model's default.", min=0, max=1000),
    ] = 0
    guidance: Annotated[
        float | None,
        _model(metavar="NUMBER", help="How closely the motion follows the prompt. Default: the model's own value."),
    ] = None
    closeness: Annotated[
        float | None,
        _model(
            metavar="NUMBER",
            help="How close the motion is to captured motion. 0: from the network alone; 1: always from the library of "
            "captured motion; between: from the library where it is near to the prompt. Default: 1.",
            min=0.0,
            max=1.0,
        ),
    ] = None
    refine: Annotated[bool, _model(help="Refine the motion after sampling to follow the path closely; slower.")] = True
    exact: Annotated[
        bool,
        _model(
            "--exact/--near",
            help="Move joints onto their targets to a fraction of a millimetre, or leave them where refining put them.",
        ),
    ] = True
    feet: Annotated[
        bool,
        _model(
            "--plant-feet/--slide",
            help="Keep standing feet still, replace sliding feet with steps, and lift swinging feet off the floor.",
        ),
    ] = True
    checkpoint: Checkpoint = None
    device: Device = "auto"


def generate_command(control: ControlOptions, result: ResultOptions, model: ModelOptions) -> None:
    """Generate a motion from a sentence and, optionally, a path.

    Example: gaitway generate "a person walks" --path s_curve.csv --out walk.bvh --picture walk.png
    """
    result.check()
    report = run_request(_request(control, result, model), result, model)
    if result.as_json:
        typer.echo(json.dumps(report.to_dict()))
        return
    from rich.console import Console

    from ..report import print_report

    print_report(report, Console())


def _request(control: ControlOptions, result: ResultOptions, model: ModelOptions) -> Generate:
    """The request that the options describe. Raises BadFile, BadControl or BadRequest."""
    from . import request

    track, tracks = request.read_controls(control.path, control.control or [])
    if track is None and control.ground not in (None, "flat"):
        raise BadRequest("--ground needs --path.", "Give the path that leads over the ground.")
    prompts = request.read_prompts(control.prompt, control.then or [])
    num_frames = request.motion_frames(
        control.length, [*tracks, *([track] if track else [])], [second for second, _ in prompts[1:]]
    )
    ground = None
    if track is not None:
        track, ground = request.path_on_ground(control.ground, track, num_frames)
    kept: dict[str, Any] = {}
    if control.base is not None:
        kept["base"], kept["base_mask"] = request.read_base(control.base, control.redo or [])
        num_frames = num_frames if control.length is not None else len(kept["base"])
    elif control.redo:
        raise BadRequest("--redo needs --base.", "Give the .npz file of the motion with --base.")
    return request.request_of(
        request.blocks_of(prompts, num_frames),
        request.build_signal(track, tracks, num_frames),
        seed=model.seed,
        num_inference_steps=model.steps,
        guidance_scale=model.guidance,
        closeness=model.closeness,
        refine=model.refine,
        plant_feet=model.feet,
        exact=model.exact,
        num_variations=result.variations,
        heading=None if control.heading is None else math.radians(control.heading),
        loop=control.loop,
        in_place=control.in_place,
        from_standing=control.from_standing,
        to_standing=control.to_standing,
        ground=ground,
        **kept,
        **request.goal_fields(num_frames, control.tolerance, control.slack, control.surroundings),
    )


def run_request(request: Generate, result: ResultOptions, model: ModelOptions) -> Report:
    """Load the model, generate, write. Raises GaitwayError; the files that were written are complete."""
    started = time.perf_counter()
    with progress_bar("Loading the model") as show:
        from blender_addon.shared.protocol import Progress, Result

        from ..pipeline import Pipeline
        from ..report import TOTAL, make_report

        pipeline = Pipeline.load(model.checkpoint, device=model.device)
        loaded = time.perf_counter()
        motion: Result | None = None
        for item in pipeline.generate(request):
            if isinstance(item, Result):
                motion = item
            elif isinstance(item, Progress):
                show(item.stage, item.fraction)
        if motion is None:
            raise RuntimeError("the pipeline ended without a result")
        generated = time.perf_counter()
        show("Writing the files", 1.0)
        welcome = pipeline.describe()
        files = [result.write(_clip(request, motion, welcome, v), v) for v in range(len(motion.joints))]
    ended = time.perf_counter()
    stages = {stage: seconds for stage, seconds in motion.timing.items() if stage != TOTAL}
    timing = {"Loading": loaded - started, **stages, "Writing": ended - generated, TOTAL: ended - started}
    return make_report(request, motion, welcome, files, timing)


def _clip(request: Generate, motion: Result, welcome: Welcome, variation: int) -> ExportClip:
    from ..export.clip import ExportClip

    return ExportClip(
        joints=motion.joints[variation],
        fps=welcome.fps,
        prompt=", then ".join(block.text for block in request.prompts),
        seed=motion.seed,
        model=welcome.model,
        hint=request.hint,
        hint_mask=request.hint_mask,
        free_height=request.free_height,
    )
