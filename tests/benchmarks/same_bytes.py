# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether two builds make the same motions, to the bit: requests of every kind, each with the sha256 of its answer.

    python -m tests.benchmarks.same_bytes [--blender] [--json FILE] [--against FILE]

Three sections: the pipeline in this process (joints and foot contacts), the command line and the server as processes
(joints, and the bytes of exported files), and with ``--blender``, where bpy is installed, the add-on (what it asks of
the engine, and the keys it writes). Prints a line each, then all of it as one line of JSON, which ``--json`` writes to
a file as well. ``--against`` such a file: says what differs or is missing, and exits with 1 if anything is or does.

Bytes depend on the processor and on the versions of torch, numpy and scipy: compare on one machine, in one environment.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from blender_addon.capture import facing
from blender_addon.engine_link.client import Client
from blender_addon.shared.connection import read_connection
from blender_addon.shared.control import ControlSignal
from blender_addon.shared.errors import EngineUnavailable
from blender_addon.shared.protocol import (
    PROTOCOL_VERSION,
    Error,
    Generate,
    Hello,
    Obstacle,
    Part,
    PromptBlock,
    RelativeTarget,
    Result,
    Shutdown,
    Welcome,
    encode,
)
from blender_addon.shared.skeleton import FPS, SKELETON

# ---- what has another address in another build; bpy's part is in blender_names()
from engine.bench.random_model import RandomSentenceEncoder
from engine.checkpoints.folder import load_default
from engine.control.latent_tuning import tune_latent
from engine.pipeline import Pipeline

from ..engine.conftest import TINY_V2, tiny_networks
from ..engine.helpers.random_model import save_random_model
from ..shared_folder import needed

COMMAND = (sys.executable, "-m", "engine.cli")


def blender_names() -> dict[str, Any]:
    """What the last section needs of the add-on and of its tests; needs bpy."""
    import blender_addon
    from blender_addon import compat, time_slices
    from blender_addon.capture import capture, request
    from blender_addon.character import read_rig
    from blender_addon.keying import apply
    from blender_addon.retarget.bone_map import detect
    from blender_addon.retarget.keys import spline_fit
    from blender_addon.retarget.pose import scale
    from blender_addon.retarget.proportions import adapt

    from ..blender.helpers import rigs, scenes

    return {
        "register": blender_addon.register,
        "read_scene": lambda scene: time_slices.run_to_end(capture.read_scene(scene)),
        "order": request.build_request,
        "preview_order": request.preview_request,
        "played_bag": compat.played_bag,
        "apply_motion": apply.apply_motion,
        "rig_scale": lambda armature: scale.rig_scale(
            rig := read_rig.read_rig(armature), detect.detect_bones(rig.bones)
        ),
        "Constraints": adapt.Constraints,
        "Spacing": spline_fit.Spacing,
        "rigs": rigs.ALL,
        "curve": scenes.curve,
        "empty": scenes.empty,
        "control": scenes.control,
    }


# ---- requests

FRAMES = 121
Tracks = dict[str, tuple[np.ndarray, np.ndarray]]
Digests = dict[str, str]
TINY_V1 = replace(
    TINY_V2,
    name="tiny-v1",
    variant="v1",
    num_latent_tokens=1,
    latent_width=TINY_V2.hidden_width,
    control_embedding_width=TINY_V2.hidden_width,
    original_inference_steps=50,
    timesteps_map=None,
    guidance_scales={},
)


def s_curve(seconds: float = 6.0, speed: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Times (K,) and points (K, 3) at the frames of a path that winds 0.6 m to either side."""
    times = np.arange(round(seconds * FPS) + 1) / FPS
    return times, np.stack([0.6 * np.sin(0.8 * times), np.full(len(times), 0.93), speed * times], -1)


def hands(path: tuple[np.ndarray, np.ndarray]) -> Tracks:
    """Both wrists beside a pelvis on ``path``, swinging."""
    times, points = path
    reach = 0.1 * np.stack([0 * times, np.sin(2 * times), np.sin(5 * times)], -1)
    return {
        "left_wrist": (times, points + reach + [0.35, 0, 0.1]),
        "right_wrist": (times, points - reach + [-0.35, 0, 0.1]),
    }


def facing_ahead(path: tuple[np.ndarray, np.ndarray]) -> tuple[Tracks, np.ndarray]:
    """``path`` with the hips that ask for looking along it, as the add-on asks, and the tolerances (T, 22)."""
    times, points = path
    in_blender = points[:, [0, 2, 1]] * [1, -1, 1]
    asked, beside = facing.hips(np.arange(len(times)), points, facing.along(in_blender, np.arange(len(times))))
    tolerance = np.zeros((len(times), SKELETON.num_joints), np.float32)
    tolerance[:, SKELETON.indices(*facing.HIPS)] = facing.HIP_TOLERANCE_M
    return {"pelvis": path} | {joint: (times[asked], places) for joint, places in beside.items()}, tolerance


def asking(tracks: Tracks | None = None, frames: int = FRAMES, **fields: Any) -> Generate:
    """A request for ``tracks`` with further fields of Generate, ``text`` its sentence."""
    text, free_height = fields.pop("text", "a person walks forward"), fields.pop("free_height", False)
    signal = ControlSignal.from_tracks(tracks or {}, frames, free_height=free_height)
    return Generate(
        "same-bytes",
        fields.pop("prompts", (PromptBlock(text, 0, frames),)),
        frames,
        signal.hint,
        signal.hint_mask,
        free_height=free_height,
        **({"seed": 11} | fields),
    )


def preview(request: Generate) -> Generate:
    """As the add-on asks while a control is dragged."""
    refine = bool(request.obstacles or request.relative)
    return replace(request, num_inference_steps=1, refine=refine, exact=False, plant_feet=False, num_variations=1)


def controlled() -> dict[str, Generate]:
    """One for each kind of control."""
    path = s_curve()
    way, few = {"pelvis": path}, np.linspace(0, FRAMES - 1, 5).astype(int)
    keys = {"pelvis": (path[0][few], path[1][few])}
    early = {"pelvis": (path[0][few] - [0, 0, 0.4, 0, 0], path[1][few])}
    shape = (FRAMES, SKELETON.num_joints)
    ahead, facing_tolerance = facing_ahead(path)
    solids = (
        Obstacle("sphere", (0.5, 1.0, 2.0), (0.3, 0.0, 0.0), margin=0.05),
        Obstacle("box", (-0.6, 0.4, 4.0), (0.3, 0.4, 0.2), (0.966, 0.0, 0.259, 0.0)),
        Obstacle("capsule", (0.5, 0.06, 3.0), (0.06, 0.4, 0.0), (0.707, 0.0, 0.0, 0.707)),
    )
    on_hip = (RelativeTarget("right_wrist", "right_hip", (-0.1, 0.05, 0.05), 20, 80),)
    head = {"head": (path[0][few], path[1][few] + [0, 0.62, 0])}
    surroundings: dict[str, Any] = {"relative": on_hip, "obstacles": solids}
    return {
        "path": asking(way),
        "path on the ground": asking(way, free_height=True),
        "path elsewhere, turned": asking({"pelvis": (path[0], path[1] @ [[0, 0, 1], [0, 1, 0], [-1, 0, 0]] + 3)}),
        "path, slow": asking({"pelvis": s_curve(speed=0.3)}),
        "path, a run": asking({"pelvis": s_curve(speed=2.8)}, text="a person runs"),
        "path from the third second": asking({"pelvis": (path[0][60:], path[1][60:])}),
        "keys": asking(keys),
        "pelvis and wrists": asking(way | hands(path)),
        "head": asking(head),
        "head along a path": asking(way | head, free_height=True),
        "wrist alone": asking({"left_wrist": (np.array([3.0]), np.array([[0.5, 1.4, 1.5]]))}),
        "ankle": asking(way | {"right_ankle": (np.array([3.0]), np.array([[0.3, 0.5, 3.1]]))}),
        "tolerance": asking(way, tolerance=np.full(shape, 0.05, np.float32)),
        "slack": asking(early, slack=np.full(shape, 6, np.int32)),
        "tolerance and slack": asking(
            early, tolerance=np.full(shape, 0.03, np.float32), slack=np.full(shape, 4, np.int32)
        ),
        "only steers": asking(way, tolerance=np.full(shape, np.inf, np.float32)),
        "facing along the path": asking(ahead, tolerance=facing_tolerance, heading=0.4),
        "heading": asking(heading=1.2),
        "obstacles": asking(way, obstacles=solids),
        "relative targets": asking(relative=on_hip),
        "surroundings": asking(way, **surroundings),
        "preview of text": preview(asking()),
        "preview of a path": preview(asking(way)),
        "preview of wrists": preview(asking(way | hands(path))),
        "preview of surroundings": preview(asking(way, **surroundings)),
    }


def arranged() -> dict[str, Generate]:
    """One for each kind of text, length, arrangement in time, and way of sampling."""
    way, long = {"pelvis": s_curve()}, s_curve(30.0)
    turns = tuple(
        PromptBlock(text, start, end - start)
        for text, start, end in (
            ("a person walks forward", 0, 80),
            ("a person waves with the right hand", 80, 150),
            ("a person sits down", 150, 241),
        )
    )
    return {
        "text": asking(),
        "text, another seed": asking(seed=12),
        "text, jump": asking(text="a person jumps", frames=60),
        "shortest": asking(frames=40),
        "longest window": asking({"pelvis": s_curve(9.75)}, 196),
        "prompts in turn": asking(prompts=turns, frames=241),
        "prompts in turn along a path": asking({"pelvis": s_curve(12.0)}, 241, prompts=turns),
        "loop": asking(loop=True),
        "loop along a path": asking(way, loop=True),
        "in place": asking(way, in_place=True),
        "loop in place": asking(loop=True, in_place=True),
        "30 s with a path": asking({"pelvis": long}, 601),
        "30 s of text, in parts": asking(frames=601, stream=True),
        "4 variations of text": asking(num_variations=4),
        "4 variations of a path": asking(way, num_variations=4),
        "8 steps": asking(way, num_inference_steps=8),
        "2 steps": asking(way, num_inference_steps=2),
        "1 step": asking(way, num_inference_steps=1),
        "guidance": asking(way, guidance_scale=3.0),
        "guidance of text": asking(guidance_scale=3.0),
        "refine off": asking(way, refine=False),
        "exact off": asking(way, exact=False),
        "refine and exact off": asking(way, refine=False, exact=False),
        "feet not planted": asking(way, plant_feet=False),
        "raw": asking(way, refine=False, exact=False, plant_feet=False),
    }


def anew(joints: np.ndarray) -> dict[str, Generate]:
    """Ranges of a motion (T, 22, 3) along the path of :func:`s_curve` made anew."""
    middle, end = np.ones(len(joints), bool), np.ones(len(joints), bool)
    middle[50:80], end[70:] = False, False
    return {
        "a range made anew": asking(base=joints, base_mask=middle, text="a person jumps"),
        "a range made anew along the path": asking({"pelvis": s_curve()}, base=joints, base_mask=middle, seed=3),
        "an end made anew": asking(base=joints, base_mask=end, text="a person sits down", num_variations=2),
    }


# ---- sections


def digest(*arrays: Any) -> str:
    """sha256 of arrays, tensors or bytes, one after the other."""
    total = hashlib.sha256()
    for array in arrays:
        if isinstance(array, torch.Tensor):
            array = array.detach().cpu().numpy()
        total.update(array if isinstance(array, bytes) else np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def answer(pipeline: Pipeline, request: Generate) -> Result:
    """The pipeline's result; what it sends in parts must be what the result holds."""
    *told, result = pipeline.generate(request)
    assert isinstance(result, Result) and result.joints.dtype == np.float32
    if request.stream:
        parts = np.concatenate([part.joints for part in told if isinstance(part, Part)], 1)
        assert parts.tobytes() == result.joints.tobytes(), "the parts are not the result"
    return result


def in_this_process() -> Iterator[tuple[str, str]]:
    """Every request with the embedded model; a small one of each architecture; latent tuning."""
    pipeline = Pipeline.load(device="cpu")
    yield "sentences", digest(pipeline.text_encoder.encode(["a person walks forward", "a person jumps", ""]))
    base: np.ndarray | None = None
    for name, request in (arranged() | controlled()).items():
        result = answer(pipeline, request)
        base = result.joints[0] if name == "path" else base
        yield name, digest(result.joints, result.foot_contacts)
    assert base is not None
    for name, request in anew(base).items():
        result = answer(pipeline, request)
        yield name, digest(result.joints, result.foot_contacts)
    with tempfile.TemporaryDirectory() as folder:
        small = {"patch": Pipeline.load(save_random_model(Path(folder) / "model"), device="cpu")}
    for config in (TINY_V1, TINY_V2):
        encoder = cast("Any", RandomSentenceEncoder(config.text_width))
        small[config.name] = Pipeline(tiny_networks(config).freeze(), encoder, torch.device("cpu"))
    for name, each in small.items():
        for steps in (1, 2):
            asked = {"text": asking(frames=60), "path": asking({"pelvis": s_curve(2.95)}, 60)}
            for kind, request in asked.items():
                result = answer(each, replace(request, num_inference_steps=steps))
                yield f"untrained {name}, {kind}, steps {steps}", digest(result.joints, result.foot_contacts)
    for networks in (load_default().freeze(), *(each.networks for each in small.values())):
        yield f"latent tuning, {networks.config.name}", tuned(networks)


def tuned(networks: Any) -> str:
    """The noise after three steps of latent tuning."""
    config, generator = networks.config, torch.Generator().manual_seed(0)
    request = asking({"pelvis": s_curve(2.95)}, 60)
    noise = torch.randn(1, config.num_tokens(60), config.latent_width, generator=generator)
    text = torch.randn(1, config.text_width, generator=generator)
    hint, mask = torch.from_numpy(request.hint)[None], torch.from_numpy(request.hint_mask)[None]
    return digest(*tune_latent(networks, text, hint, mask, noise, 3, uncond_embedding=torch.zeros_like(text)))


def in_other_processes() -> Iterator[tuple[str, str]]:
    """The same requests by the command line, with its files, and by the server; both must give the same joints."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = os.environ | {"GAITWAY_RUNTIME_DIR": str(folder)}
        times, points = s_curve()
        rows = [",".join(map(repr, row)) for row in np.column_stack([times, points]).tolist()]
        (folder / "path.csv").write_text("\n".join(["time,x,y,z", *rows]))
        line = [*COMMAND, "generate", "a person walks forward", "--path", str(folder / "path.csv"), "--seed", "11"]
        for suffix in ("npz", "bvh", "glb"):
            line += ["--out", str(folder / f"walk.{suffix}")]
        subprocess.run([*line, "--device", "cpu"], env=environment, check=True, capture_output=True)
        for suffix in ("npz", "bvh", "glb"):
            yield f"file .{suffix}", digest((folder / f"walk.{suffix}").read_bytes())
        cm = ["convert", str(folder / "walk.npz"), "--bvh-unit", "cm", "--out", str(folder / "cm.bvh")]
        subprocess.run([*COMMAND, *cm], env=environment, check=True, capture_output=True)
        yield "file .bvh in centimetres, converted", digest((folder / "cm.bvh").read_bytes())
        with np.load(folder / "walk.npz") as archive:
            by_command = archive["joints"]
        yield "by the command line", digest(by_command)
        asked = {"path": asking({"pelvis": s_curve()}), "text, in parts": asking(frames=301, stream=True)}
        for kind, joints in served(asked, folder, environment):
            if kind == "path":
                assert joints[0].tobytes() == by_command.tobytes(), "server and command line differ"
            yield f"by the server: {kind}", digest(joints)


def served(
    requests: dict[str, Generate], folder: Path, environment: dict[str, str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Joints (V, T, 22, 3) of each request from a server of its own."""
    process = subprocess.Popen([*COMMAND, "serve", "--device", "cpu"], env=environment, stdout=subprocess.DEVNULL)
    try:
        client = until(lambda: connected(folder / "engine.json"))
        client.send(Hello(PROTOCOL_VERSION, "same-bytes", "0"))
        until(lambda: next((each for each in client.poll() if isinstance(each, Welcome)), None))
        for name, request in requests.items():
            client.send(request)
            got = until(lambda: next((each for each in client.poll() if isinstance(each, Result | Error)), None))
            assert isinstance(got, Result), got
            yield name, got.joints
        client.send(Shutdown())
        process.wait(30)
        client.close()
    finally:
        process.kill()
        process.wait()


def connected(file: Path) -> Client | None:
    try:
        return Client(read_connection(file))
    except EngineUnavailable:
        return None


def until(what: Callable[[], Any], patience: float = 120.0) -> Any:
    """What ``what()`` gives once it is something."""
    end = time.monotonic() + patience
    while (found := what()) is None:
        assert time.monotonic() < end, "nothing came from the engine"
        time.sleep(0.02)
    return found


RIGS = ("Mixamo T-pose", "Mixamo FBX, 0.01, turned", "Euler modes", "Rigify metarig", "Unreal A-pose", "connected hips")
CLIP = 0  # of the captured ones


def in_blender() -> Iterator[tuple[str, str]]:
    """The keys of a captured motion on several rigs, and the requests that the add-on makes of a scene."""
    import bpy

    names = blender_names()
    with np.load(needed("data/cmu/clips.npz")) as data:
        start, end = data["offset"][CLIP : CLIP + 2]
        joints = data["pos"][start : min(end, start + 100)] * float(data["unit"])
    ways = {
        "every frame": {},
        "as it is": {"constraints": names["Constraints"](lock_feet=False)},
        "every fourth": {"spacing": names["Spacing"]("STEP", 4)},
        "few": {"spacing": names["Spacing"]("SPARSE")},
    }
    for rig in RIGS:
        for way, options in ways.items():
            bpy.ops.wm.read_homefile(use_empty=True)
            armature, scene = names["rigs"][rig](), bpy.context.scene
            size = names["rig_scale"](armature)
            names["apply_motion"](
                armature, joints, scale=size, start_frame=1.0, scene=scene, action_name="Same", **options
            )
            yield f"keys on {rig}, {way}", keys_of(names["played_bag"](armature).fcurves)
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.preferences.addons.new().module = "blender_addon"
    names["register"]()
    yield from asked_of_scene(names)


def keys_of(curves: Any) -> str:
    """Of all points of F-curves with their handles and kinds, as Blender holds them."""
    parts: list[Any] = []
    for curve in sorted(curves, key=lambda each: (each.data_path, each.array_index)):
        parts.append(f"{curve.data_path} {curve.array_index}".encode())
        for name in ("co", "handle_left", "handle_right"):
            values = np.empty(2 * len(curve.keyframe_points), np.float32)
            curve.keyframe_points.foreach_get(name, values)
            parts.append(values)
        kinds = [(key.interpolation, key.handle_left_type, key.handle_right_type) for key in curve.keyframe_points]
        parts.append(repr(kinds).encode())
    return digest(*parts)


def asked_of_scene(names: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The bytes on the wire for a scene with a path, then a hand beside it, then another rate and a prompt."""
    import bpy

    scene: Any = bpy.context.scene
    scene.gaitway.character = names["rigs"]["Mixamo T-pose"]()
    scene.gaitway.prompt = "a person walks forward"

    def order() -> Generate:
        return names["order"](scene, names["read_scene"](scene))

    def sent(request: Generate) -> str:
        return digest(encode(replace(request, request_id="same-bytes", seed=0)))

    path = names["curve"]("Path", [(0, 0, 0), (0.8, -1.8, 0), (0.2, -3.8, 0)])
    names["control"](path, frame_start=1, frame_end=97)
    yield "asked: a path", sent(order())
    names["control"](names["empty"]("Hand", {40: (0.6, -1.4, 1.2), 73: (0.95, -2.7, 1.25)}), "left_wrist")
    yield "asked: a path and a hand", sent(order())
    yield "asked: a preview of these", sent(names["preview_order"](order()))
    scene.render.fps, scene.gaitway.prompt = 30, "a person runs"
    yield "asked: at 30 frames a second", sent(order())


# ---- the program


def differences(before: Digests, now: Digests, sections: set[str]) -> list[str]:
    """What to say of each name of these ``sections`` that has not the same digest in both."""
    said = []
    for name in {**before, **now}:
        if name.split(": ")[0] not in sections or before.get(name) == now.get(name):
            continue
        said.append(f"{name}: " + ("new" if name not in before else "missing" if name not in now else "differs"))
    return said


def main() -> None:
    """Run, print, write, compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--blender", action="store_true", help="the add-on in bpy, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the digests to FILE")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with the digests of another build")
    options = parser.parse_args()
    sections: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
        "pipeline": in_this_process,
        "processes": in_other_processes,
    }
    if options.blender:
        sections["blender"] = in_blender
    now: Digests = {}
    for section, run in sections.items():
        for name, value in run():
            assert f"{section}: {name}" not in now, f"{name} is there twice"
            now[f"{section}: {name}"] = value
            print(f"{section + ': ' + name:72} {value[:16]}", flush=True)
    line = json.dumps(now)
    print(line)
    if options.json:
        options.json.write_text(line + "\n")
    failed = differences(json.loads(options.against.read_text()), now, set(sections)) if options.against else []
    print(*failed, *([f"{len(now)} compared, {len(failed)} differ"] if options.against else []), sep="\n")
    sys.stdout.flush()
    os._exit(1 if failed else 0)  # Blender as a module can hang when the interpreter tears it down


if __name__ == "__main__":
    main()
