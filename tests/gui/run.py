# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on in a real Blender window, as a person would see it: install the zip into a fresh user folder, open the
tab, draw a path with the mouse, press, escape, press again, accept, undo, drag a pin while ghosts follow; a picture of
each step and what held.

    python tests/gui/run.py --zip dist/gaitway-0.1.0-linux-x64.zip --blender blender --folder /tmp/gaitway-gui

Needs an X display (Xvfb serves), ImageMagick's ``import`` and xdotool. ``--inside`` is what Blender calls the folder
when it runs in a container or chroot. With ``--serve`` an engine is started here and the visit goes on to a generated
motion. The exit code is 0 when everything held; whether it looks right is for a person to say.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
WINDOW = (1600, 900)
VIEWPORT = (500, 500)
NO_SPLASH = "import bpy; bpy.context.preferences.view.show_splash = False; bpy.ops.wm.save_userpref()"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zip", type=Path, required=True, help="the built add-on")
    parser.add_argument("--blender", default="blender", help="command that runs Blender; arguments are added to it")
    parser.add_argument(
        "--folder", type=Path, required=True, help="folder for scripts and pictures, emptied of older ones"
    )
    parser.add_argument("--inside", default="", help="that folder's path as Blender sees it")
    parser.add_argument("--serve", default="", help="command that starts the engine, such as 'gaitway serve'")
    parser.add_argument("--picture", type=Path, help="write the README's picture of the tab here")
    chosen = parser.parse_args()
    folder, inside = chosen.folder.resolve(), chosen.inside or str(chosen.folder.resolve())
    fill(folder, chosen.zip)
    # A user folder that nobody has used: what is found there afterwards came with the zip.
    os.environ["BLENDER_USER_RESOURCES"] = f"{inside}/user"
    blender = shlex.split(chosen.blender)
    subprocess.run([*blender, "-b", "--python-expr", NO_SPLASH], check=True)
    install(blender, f"{inside}/{chosen.zip.name}")
    engine = start_engine(shlex.split(chosen.serve), folder) if chosen.serve else None
    window = None
    try:
        size = [str(value) for value in (0, 0, *WINDOW)]
        window = subprocess.Popen([*blender, "--window-geometry", *size, "--python", f"{inside}/drive.py"])
        code = watch(window, folder)
        code = max(code, tell(folder))
        if chosen.picture is not None and code == 0:
            for_readme(folder / ("generated.png" if chosen.serve else "idle.png"), chosen.picture)
        return code
    finally:
        if window is not None:
            window.kill()
        if engine is not None:
            engine.terminate()
            engine.wait(30)


def install(blender: list[str], archive: str) -> None:
    """By Blender's own command, whose exit code is 0 whatever happens."""
    command = [*blender, "--command", "extension", "install-file", "-r", "user_default", "-e", archive]
    done = subprocess.run(command, capture_output=True, text=True)
    if "nstalled" not in done.stdout or "ERROR" in done.stdout:
        raise SystemExit(f"Blender did not install {archive}:\n{done.stdout}{done.stderr}")


def fill(folder: Path, archive: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("*.ready", "*.done", "*.png", "*.json"):
        for old in folder.glob(pattern):
            old.unlink()
    shutil.rmtree(folder / "user", ignore_errors=True)
    (folder / "user").mkdir()
    for source in (archive, HERE / "drive.py", HERE / "mannequin.py"):
        shutil.copy(source, folder)
    for package in ("tests/blender/helpers", "blender_addon/shared"):  # the rigs of the tests, and what they stand on
        shutil.copytree(HERE.parents[1] / package, folder / package, dirs_exist_ok=True)


def start_engine(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    connection = folder / "connection.json"
    engine = subprocess.Popen([*command, "--connection-file", str(connection)])
    while not connection.exists():
        if engine.poll() is not None:
            raise SystemExit(f"the engine ended with {engine.returncode}")
        time.sleep(0.1)
    return engine


def watch(window: subprocess.Popen[bytes], folder: Path, limit: float = 300.0) -> int:
    """Take a picture at each step that drive.py announces; draw the path, press Escape while a motion is made, and
    drag the pin."""
    began = time.monotonic()
    while window.poll() is None:
        for ready in sorted(folder.glob("*.ready")):
            done = ready.with_suffix(".done")
            if done.exists():
                continue
            if ready.stem == "draw":
                draw(json.loads(ready.read_text()))
            elif ready.stem == "pull":
                pull(json.loads(ready.read_text()), folder)
            elif ready.stem == "running":
                mouse("mousemove", *VIEWPORT)
                mouse("mousemove_relative", 3, 3)
                picture(folder / "running.png")
                mouse("key", "Escape")
            else:
                time.sleep(1.5)  # the last redraw
                picture(folder / f"{ready.stem}.png")
            done.touch()
        if time.monotonic() - began > limit:
            window.terminate()
            print("the window did not finish in time", file=sys.stderr)
            return 1
        time.sleep(0.1)
    print(f"pictures in {folder}: {', '.join(sorted(path.name for path in folder.glob('*.png')))}")
    return window.returncode


def draw(points: list[tuple[float, float]]) -> None:
    """Drag the mouse through ``points``, pixels from the lower left of the screen, no faster than a hand."""
    places = go_to_the_first(points)
    mouse("mousedown", 1)
    time.sleep(0.3)
    for place in places:
        mouse("mousemove", *place)
        time.sleep(0.03)
    mouse("mouseup", 1)


def pull(points: list[tuple[float, float]], folder: Path) -> None:
    """Move what is selected along ``points`` over the ground (G, Shift Z), rest on the way for a picture, click."""
    places = go_to_the_first(points)
    mouse("key", "g")
    time.sleep(0.3)
    mouse("key", "shift+z")
    time.sleep(0.3)
    for number, place in enumerate(places):
        mouse("mousemove", *place)
        time.sleep(0.05)
        if number == len(places) // 2:
            picture(folder / "pulling.png")
    time.sleep(2.0)  # longer than a released pin takes to ask for the motion: the hand still holds this one
    picture(folder / "held.png")
    mouse("click", 1)


def go_to_the_first(points: list[tuple[float, float]]) -> list[tuple[int, int]]:
    """Bring the mouse to the first of ``points``; all of them as the screen counts, from its upper left."""
    height = screen_height()
    places = [(round(x), round(height - 1 - y)) for x, y in points]
    # Without a window manager nobody gives the window the focus, and Blender overlooks moves until it has it.
    mouse("search", "--onlyvisible", "--class", "blender", "windowfocus")
    for x, y in ((-8, 0), (0, 0)):
        mouse("mousemove", places[0][0] + x, places[0][1] + y)
        time.sleep(0.5)
    return places


def screen_height() -> int:
    return int(subprocess.run(["xdotool", "getdisplaygeometry"], capture_output=True, text=True).stdout.split()[1])


def mouse(*words: object) -> None:
    subprocess.run(["xdotool", *map(str, words)], check=True)


def tell(folder: Path) -> int:
    """Print what drive.py saw; 1 if anything did not hold."""
    seen = json.loads((folder / "seen.json").read_text()) if (folder / "seen.json").exists() else {}
    for name, found in seen.items():
        more = {key: value for key, value in found.items() if key != "ok"}
        print(f"{'held  ' if found['ok'] else 'FAILED'}  {name}  {more or ''}")
    return int(not seen or not all(found["ok"] for found in seen.values()))


def picture(path: Path) -> None:
    subprocess.run(["import", "-window", "root", str(path)], check=True)


def for_readme(source: Path, target: Path) -> None:
    """The viewport beside the tab, small enough for a page."""
    target.parent.mkdir(parents=True, exist_ok=True)
    top = screen_height() - WINDOW[1] + 74  # the window stands at the foot of the screen
    crop = ["-crop", f"1130x738+180+{top}", "+repage", "-resize", "1000x", "-dither", "None", "-colors", "200"]
    subprocess.run(["convert", str(source), *crop, f"PNG8:{target}"], check=True)


if __name__ == "__main__":
    sys.exit(main())
