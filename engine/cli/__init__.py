# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``gaitway`` command: its subcommands, their options and what ``--help`` says. The work is done in ``commands``.

Heavy libraries are imported inside the subcommands, so that help and mistakes in the options cost no waiting.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from blender_addon.shared.errors import BadRequest

from .. import __version__
from .terminal import FriendlyGroup

app = typer.Typer(
    name="gaitway",
    cls=FriendlyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Draw a path, type a sentence: the character walks it.\n\n"
    "[bold]generate[/bold] makes a motion, [bold]serve[/bold] runs the engine for Blender, [bold]doctor[/bold] finds "
    "out why something does not work.",
)

Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    typer.Option(
        help="Where to compute: a graphics card (cuda, mps), the processor (cpu), or the best there is.",
        rich_help_panel="Model",
    ),
]
Checkpoint = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder of another model; see import-checkpoint. Left out: the model that comes with Gaitway.",
        rich_help_panel="Model",
    ),
]
BvhUnit = Annotated[
    Literal["m", "cm"],
    typer.Option(
        help="Unit of .bvh files: m for Blender, cm for Maya, MotionBuilder and Unreal.", rich_help_panel="Result"
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one line of JSON instead of a table, for scripts.", rich_help_panel="Result"),
]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"gaitway {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


@app.command()
def generate(
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help='What the character does, in English: "a person walks happily".')
    ],
    path: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Path of the pelvis: a CSV or JSON file with time, x, y, z in seconds and metres (Y up, Z ahead). "
            "Without y the path lies on the ground; without time the path is walked at an even speed.",
            rich_help_panel="Control",
        ),
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(
            metavar="JOINT=FILE",
            help="Where another joint is at certain times, such as right_wrist=wave.csv. May be given several times.",
            rich_help_panel="Control",
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            metavar="CENTIMETRES",
            help="How far joints may stay away from their points. Left out: they are to be hit.",
            rich_help_panel="Control",
            min=0.0,
        ),
    ] = None,
    slack: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="By how much a point may be met earlier or later, if that costs the motion less. Left out: on time.",
            rich_help_panel="Control",
            min=0.0,
            max=10.0,
        ),
    ] = None,
    surroundings: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON file with obstacles that no joint may enter (spheres, boxes, capsules), and with joints that "
            "stay where they are seen from another one.",
            rich_help_panel="Control",
        ),
    ] = None,
    then: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECONDS=PROMPT",
            help='What the character does from that second on, such as "4=a person sits down". May be given several '
            "times.",
            rich_help_panel="Control",
        ),
    ] = None,
    loop: Annotated[
        bool,
        typer.Option(
            "--loop", help="Let the end lead back to the beginning, to be repeated.", rich_help_panel="Control"
        ),
    ] = False,
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="Stay over the starting point, as on a treadmill.", rich_help_panel="Control"),
    ] = False,
    base: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="An earlier motion (.npz) that is to be made anew in part only; see --redo.",
            rich_help_panel="Control",
        ),
    ] = None,
    redo: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FROM-TO",
            help="Seconds of --base that are made anew, such as 2.5-4; all else stays. May be given several times.",
            rich_help_panel="Control",
        ),
    ] = None,
    length: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Seconds of motion, at most 600. Left out: until the last time in the files, as long as --base, or 6.",
            rich_help_panel="Control",
        ),
    ] = None,
    heading: Annotated[
        float | None,
        typer.Option(
            metavar="DEGREES",
            help="Where the character looks at the start, in degrees: 0 along Z, 90 along X. Left out: along the path.",
            rich_help_panel="Control",
        ),
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="File to write: .bvh, .glb or .npz. May be given several times.",
            rich_help_panel="Result",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Contact sheet to write (.png, .jpg, .pdf, .svg): the motion from the side and from above.",
            rich_help_panel="Result",
        ),
    ] = None,
    variations: Annotated[
        int, typer.Option(metavar="N", help="How many different motions to make.", min=1, rich_help_panel="Result")
    ] = 1,
    bvh_unit: BvhUnit = "m",
    as_json: AsJson = False,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Another number, another motion; the same number, the same motion.",
            rich_help_panel="Model",
            min=0,
            max=2**63 - 1,
        ),
    ] = 0,
    steps: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Sampling steps: more are finer and slower. 0: the model's own number.",
            rich_help_panel="Model",
            min=0,
            max=1000,
        ),
    ] = 0,
    guidance: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="How strictly the sentence is followed. Left out: the model's own value.",
            rich_help_panel="Model",
        ),
    ] = None,
    refine: Annotated[
        bool,
        typer.Option(
            help="Draw the motion exactly onto the path after sampling; a little slower.", rich_help_panel="Model"
        ),
    ] = True,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact/--near",
            help="Bring joints onto their points to a fraction of a millimetre, or leave them where refining has.",
            rich_help_panel="Model",
        ),
    ] = True,
    feet: Annotated[
        bool,
        typer.Option(
            "--plant-feet/--slide",
            help="Let standing feet stand, make steps where they are dragged, and lift swinging feet off the floor.",
            rich_help_panel="Model",
        ),
    ] = True,
    checkpoint: Checkpoint = None,
    device: Device = "auto",
) -> None:
    """Make a motion from a sentence and, if you like, a path.

    Example: gaitway generate "a person walks" --path s_curve.csv --out walk.bvh --picture walk.png
    """
    import math

    from . import generate as command

    outputs = command.Outputs(tuple(out or ()), picture, bvh_unit)
    outputs.check(as_json)
    track, tracks = command.read_controls(path, control or [])
    sentences = command.read_sentences(prompt, then or [])
    num_frames = command.motion_frames(
        length, [*tracks, *([track] if track else [])], [second for second, _ in sentences[1:]]
    )
    kept: dict[str, Any] = {}
    if base is not None:
        kept["base"], kept["base_mask"] = command.read_base(base, redo or [])
        num_frames = num_frames if length is not None else len(kept["base"])
    elif redo:
        raise BadRequest("There is no motion to make anew in part.", "Name its .npz file with --base.")
    request = command.build_request(
        command.blocks_of(sentences, num_frames),
        command.build_signal(track, tracks, num_frames),
        seed=seed,
        num_inference_steps=steps,
        guidance_scale=guidance,
        refine=refine,
        plant_feet=feet,
        exact=exact,
        num_variations=variations,
        heading=None if heading is None else math.radians(heading),
        loop=loop,
        in_place=in_place,
        **kept,
        **command.room(num_frames, tolerance, slack, surroundings),
    )
    report = command.run(request, outputs, checkpoint, device)
    if as_json:
        typer.echo(json.dumps(report.to_dict()))
    else:
        from rich.console import Console

        from ..report import print_report

        print_report(report, Console())


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(metavar="PORT", help="Port on this machine; 0 finds a free one.", min=0, max=65535)
    ] = 0,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Another address than this machine's own, as HOST:PORT. Others may then try to connect.",
        ),
    ] = None,
    connection_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where clients find address and keys. Left out: your private runtime folder."
        ),
    ] = None,
    parent_pid: Annotated[
        int | None,
        typer.Option(metavar="PID", help="End when the process with this number ends; Blender gives its own."),
    ] = None,
    log_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to log. Left out: your log folder.")
    ] = None,
    checkpoint: Checkpoint = None,
    device: Device = "auto",
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        typer.Option(help="Precision of the numbers; auto is float32 on processors and float16 on graphics cards."),
    ] = "auto",
) -> None:
    """Run the engine that Blender talks to. Stops with Ctrl-C, or with the Blender that started it."""
    from blender_addon.shared.errors import BadRequest

    from . import serve as command

    if address and port:
        raise BadRequest("Both --port and --address are given.", "Write the port into the address: HOST:PORT.")
    command.run(
        address or f"127.0.0.1:{port or '*'}",
        connection_file=connection_file,
        parent_pid=parent_pid,
        log_file=log_file,
        checkpoint=checkpoint,
        device=device,
        dtype=dtype,
    )


@app.command()
def info(checkpoint: Checkpoint = None, device: Device = "auto", as_json: AsJson = False) -> None:
    """Show the model, what it can do and where it runs."""
    from . import info as command

    command.run(checkpoint, device, as_json)


@app.command()
def bench(
    checkpoint: Checkpoint = None,
    device: Device = "auto",
    repeats: Annotated[
        int, typer.Option(metavar="N", help="Runs of each measurement; the median counts.", min=1, max=100)
    ] = 3,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare with the times in this file: what an earlier bench printed, or another's times.",
        ),
    ] = None,
    published_sizes: Annotated[
        bool,
        typer.Option(
            "--published-sizes",
            help="Measure the networks of MotionLCM-V2 at their published sizes, with random weights, instead.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure how long everything takes on this machine. The last line is JSON."""
    from . import bench as command

    command.run(checkpoint, device, repeats, as_json, against, published_sizes)


@app.command()
def doctor(checkpoint: Checkpoint = None, device: Device = "auto", as_json: AsJson = False) -> None:
    """Check the installation, part by part, and say how to mend what is broken."""
    from . import doctor as command

    raise typer.Exit(command.run(checkpoint, device, as_json))


@app.command("import-checkpoint")
def import_checkpoint(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A published MotionLCM or MLD file (.ckpt).")],
    humanml3d: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder with Mean.npy and Std.npy of HumanML3D.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder to write the model to.")],
    spatial_stats: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder with Mean_raw.npy and Std_raw.npy; needed for models that follow paths."
        ),
    ] = None,
) -> None:
    """Turn a published checkpoint into a model folder for --checkpoint."""
    from .terminal import progress_bar

    with progress_bar("Importing"):
        from ..checkpoints.folder import import_checkpoint as run

        folder = run(file, humanml3d, spatial_stats, out)
    typer.echo(f"Wrote {folder}. Use it with --checkpoint {folder}")


@app.command()
def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Joints of another tool: .npy, .npz, or the .pkl and results.npy of MotionLCM and MDM."
        ),
    ],
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="File to write: .bvh, .glb, .npz, .png. May be given several times."
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(metavar="N", help="Which motion of the file, counted from 0. Left out: all.", min=0)
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Only list the motions in the file.")] = False,
    fps: Annotated[
        float | None, typer.Option(metavar="N", help="Frames per second, if not what the file says or 20.")
    ] = None,
    bvh_unit: BvhUnit = "m",
) -> None:
    """Turn a motion of another tool into a file that animation programs open."""
    from . import convert as command

    for line in command.run(source, out or [], show_list=show_list, sample=sample, fps=fps, bvh_unit=bvh_unit):
        typer.echo(line)


@app.command("install-addon")
def install_addon(
    blender: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Blender's program, folder or app. May be given several times. Left out: every Blender that is found.",
        ),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option("--zip", metavar="FILE", help="The add-on's zip. Left out: it is made from this installation."),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Only list the Blenders that are found.")] = False,
) -> None:
    """Put the add-on into your Blenders, and tell it where this engine is."""
    from . import install_addon as command

    for line in command.run(blender or [], archive, only_list=show_list):
        typer.echo(line)


def main() -> None:
    """Entry point of the ``gaitway`` command."""
    app()
