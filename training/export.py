# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished run as the engine's checkpoint folder. ``python -m training.export --recipe small --data ... --run ...
--out FOLDER``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import torch

from blender_addon.shared.errors import GaitwayError
from engine.checkpoint import save_folder
from engine.models.build import build_trajectory_encoder, build_vae
from engine.models.controlnet import ControlNet
from engine.models.denoiser import Denoiser
from engine.networks import Networks

from .control import ControlParts, assemble
from .loop import load_exported
from .run_folder import Run, argument_parser, open_from

DTYPES = {"float32": torch.float32, "float16": torch.float16}

CARD = """# {name}

Text- and trajectory-driven human motion, 22 joints, 20 fps, {low} to {high} frames. The embedded default model of Gaitway.

- **Architecture**: {layout}; denoiser and ControlNet of {layers} layers, {hidden} wide; consistency model
  distilled for few-step sampling; text by {text} (frozen, not included).
- **Trained by** `python -m training.vae|mld|distill|control`, recipe `{recipe}`, seed {seed}, data hash `{data}`.
- **Steps**: {steps}.
- **Data**: the CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu), train split of {clips} clips and their mirror images,
  with captions written for this project. The motion data itself is not included.
- **Validation at the end of training** (held-out clips): {figures}.
- **Licence**: GPL-3.0-or-later, as the code that contains it. CMU's terms: free for all uses; the data itself may not be resold.

The data used in this project was obtained from mocap.cs.cmu.edu. The database was created with funding from NSF EIA-0196217.

## Limits
Trained on 68 minutes of motion of few people. It knows walking, running, turning, jumping, boxing, karate, dancing, sitting, climbing
and the like as they occur there, and little else. Fingers and faces are not part of the skeleton.
"""


def load_run(run: Run) -> Networks:
    """The run's networks with the weights its stages left."""
    model = run.recipe.model
    vae = load_exported(run.folder / "vae.pt", build_vae(model))
    denoiser = load_exported(run.folder / "distill.pt", Denoiser(model))
    parts = load_exported(run.folder / "control.pt", ControlParts(ControlNet(model), build_trajectory_encoder(model)))
    return assemble(run, vae, denoiser, parts).eval()


def _last_log(run: Run, stage: str) -> dict[str, float]:
    lines = (run.folder / f"{stage}_log.jsonl").read_text(encoding="utf-8").splitlines()
    return json.loads(lines[-1])


def model_card(run: Run) -> str:
    """Markdown with what the model is, what it was trained on and what was measured."""
    model, about = run.recipe.model, json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    stages = ("vae", "mld", "distill", "control")
    last = {stage: _last_log(run, stage) for stage in stages}
    figures = "; ".join(
        f"{stage} "
        + ", ".join(f"{k.removeprefix('val/')} {v:.3g}" for k, v in last[stage].items() if k.startswith("val/"))
        for stage in stages
    )
    layout = (
        f"a latent token of {model.latent_width} numbers for every {model.patch_size} frames (linear code plus convolutions)"
        if model.token_layout == "patch" else f"{model.num_latent_tokens} latent tokens of {model.latent_width} numbers"
    )  # fmt: skip
    clips = sum(not re.search("_mirrored|@", clip.name) for clip in run.clips["train"])
    return CARD.format(
        name=model.name, low=model.min_frames, high=model.max_frames, layout=layout, layers=model.num_layers,
        hidden=model.hidden_width, text=model.text_encoder, recipe=run.recipe.name, seed=run.seed, data=about["data"],
        steps=", ".join(f"{stage} {last[stage]['step']}" for stage in stages), clips=clips, figures=figures,
    )  # fmt: skip


def main() -> None:
    parser = argument_parser("Export a run as a checkpoint folder for the engine")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="precision of the stored weights")
    arguments = parser.parse_args()
    try:
        run = open_from(arguments)
        path = save_folder(load_run(run), arguments.out, model_card(run), DTYPES[arguments.dtype])
    except GaitwayError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        raise SystemExit(2) from None
    print(f"Wrote {path}")


if __name__ == "__main__":
    main()
