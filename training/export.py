# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished run as the engine's checkpoint folder. ``python -m training.export --recipe small --data ... --run ...
--out FOLDER``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch

from blender_addon.shared.errors import BadFile
from engine.checkpoints.folder import save_folder
from engine.checkpoints.networks import Networks
from engine.models.build import build_vae
from engine.models.corrector import Corrector

from .control import assemble, hint_statistics, load_base
from .loop.checkpoints import load_exported
from .loop.curves import read_log
from .runs.command_line import argument_parser, open_from, reporting_errors
from .runs.run import Run
from .stage_parts.modules import base_config, build_parts, stages_of

DTYPES = {"float32": torch.float32, "float16": torch.float16}

CARD = """# {name}

Text- and trajectory-driven human motion, 22 joints, 20 fps, {low} to {high} frames.

- **Architecture**: {layout}; {networks} of {layers} layers, {hidden} wide; {kind}; text by {text} (frozen, not included).
- **Trained by** `python -m training.{stages}`, recipe `{recipe}`, seed {seed}, data hash `{data}`{start}.
- **Steps**: {steps}.
- **Data**: {clips} clips of the train split{variants}. The motion data itself is not included.
- **Validation at the end of training** (held-out clips): {figures}.

{about}
"""

_TERMS = """CMU's terms: free for all uses; the data itself may not be resold. The weights are licensed under GPL-3.0-or-later, like the code.

The data used in this project was obtained from mocap.cs.cmu.edu. The database was created with funding from NSF EIA-0196217.

## Limits
The model has learned walking, running, turning, jumping, boxing, karate, dancing, sitting, climbing and similar motion as recorded there,
from a few people, and little else. Fingers and faces are not part of the skeleton.
"""

CMU = f"""The data is the CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu), with captions written for this project.
{_TERMS}"""

MERGED = f"""The data is the CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu), with captions written for this project, and
motions of Mesh2Motion (CC0 1.0) and of AnimatedDrawings (MIT License, Copyright (c) Meta Platforms, Inc. and affiliates; `LIBRARY.md`
beside this file has its text).
{_TERMS}"""

KNOWN_DATA = {"531b9c50af7052fd": CMU, "2feca97a52d5c971": MERGED}
"""Data hash -> what the card says about it."""

UNKNOWN = """The licence of the weights depends on that of the motion data and, where the run was initialised from a checkpoint, of that."""


def load_run(run: Run) -> Networks:
    """The run's networks with the weights its stages left."""
    recipe, model = run.recipe, run.recipe.model
    vae = load_exported(run.folder / "vae.pt", build_vae(model), recipe.vae.use)
    base = base_config(recipe)
    parts = None
    if base.has_control:
        parts = load_exported(run.folder / "control.pt", build_parts(base), recipe.control.use)
    corrector = (
        load_exported(run.folder / "correct.pt", Corrector(base), recipe.correct.use) if base.has_corrector else None
    )
    return assemble(run, vae, load_base(run), parts, hint_statistics(run), corrector).eval()


def _last_log(run: Run, stage: str) -> dict[str, float]:
    """The last line of a stage's log; step 0 for one that was not trained in this run."""
    log = run.folder / f"{stage}_log.jsonl"
    lines = read_log(log) if log.is_file() else []
    return lines[-1] if lines else {"step": 0}


def model_card(run: Run, about_data: str | None = None) -> str:
    """Markdown with what the model is, what it was trained on and what was measured.

    ``about_data``: where the motions come from and under which terms; None: what is known of data with this hash.
    """
    recipe, model = run.recipe, base_config(run.recipe)
    about = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    stages = stages_of(recipe)
    last = {stage: _last_log(run, stage) for stage in stages}
    figures = "; ".join(
        f"{stage} "
        + ", ".join(f"{k.removeprefix('val/')} {v:.3g}" for k, v in last[stage].items() if k.startswith("val/"))
        for stage in stages if last[stage]["step"]
    )  # fmt: skip
    layout = (
        f"a latent token of {model.latent_width} numbers for every {model.patch_size} frames (linear code plus convolutions)"
        if model.token_layout == "patch" else f"{model.num_latent_tokens} latent tokens of {model.latent_width} numbers"
    )  # fmt: skip
    captured = [clip.name for clip in run.clips["train"] if not re.search("_mirrored|@", clip.name)]
    if about_data is None:
        about_data = KNOWN_DATA.get(about["data"], UNKNOWN)
    kind = "consistency model distilled for few-step sampling" if model.kind == "lcm" else "latent diffusion model"
    start = f", from the checkpoint `{about['from']['checkpoint']}`" if about.get("from") else ""
    return CARD.format(
        name=model.name, low=model.min_frames, high=model.max_frames, layout=layout, networks="denoiser and ControlNet" if model.has_control else "denoiser", layers=model.num_layers,
        hidden=model.hidden_width, kind=kind, text=model.text_encoder, recipe=recipe.name, seed=run.seed,
        data=about["data"], start=start, stages="|".join(stages), steps=", ".join(f"{stage} {last[stage]['step']}" for stage in stages),
        clips=len(captured), variants=" and variants made from them" if len(captured) < len(run.clips["train"]) else "",
        figures=figures or "none", about=about_data.strip(),
    )  # fmt: skip


def export(run: Run, out: Path, dtype: torch.dtype = torch.float32, about_data: str | None = None) -> Path:
    """Write the run as a checkpoint folder at ``out``."""
    return save_folder(load_run(run), out, model_card(run, about_data), dtype)


def main() -> None:
    parser = argument_parser("Export a run as a checkpoint folder for the engine")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="precision of the stored weights")
    parser.add_argument("--about-data", type=Path, help="text file for the model card: the data's source and licence")
    arguments = parser.parse_args()
    with reporting_errors():
        text = read_about(arguments.about_data)
        print(f"Wrote {export(open_from(arguments), arguments.out, DTYPES[arguments.dtype], text)}")


def read_about(path: Path | None) -> str | None:
    """The text of ``path``. Raises BadFile."""
    try:
        return path.read_text(encoding="utf-8") if path else None
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path} cannot be read ({error}).", "Give a text file with --about-data.") from error


if __name__ == "__main__":
    main()
