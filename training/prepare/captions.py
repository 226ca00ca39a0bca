# SPDX-License-Identifier: GPL-3.0-or-later
"""What the takes show, in words: HumanML3D's text files beside the motions, or one JSON lines file for all.

A text file is NAME.txt with a line ``caption#tokens#start#end`` for each caption, times in seconds; start and end of
zero, or a line that is only a caption, mean the whole take. It lies beside the motion or in a folder ``texts`` beside
it or at the top.

A line of a JSON file is an object with ``take`` (or ``id``), and ``captions``: a list of texts or of {"text", "kind"};
``start`` and ``end`` (frames at 20 fps) where it tells only of a part, ``weak`` where it is vague. ``captions.jsonl``
itself has this form.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blender_addon.shared.errors import BadFile
from blender_addon.shared.skeleton import FPS

from .sources import CaptureSource

FROM_TEXT_FILE = "humanml3d"
FROM_JSON = "given"


@dataclass(frozen=True)
class Captions:
    """``texts``: (text, kind) each. They tell of frames ``start`` to ``end`` (20 fps), or of the whole take where both
    are None.
    """

    texts: tuple[tuple[str, str], ...]
    start: int | None = None
    end: int | None = None
    weak: bool = False


def read_text_file(path: Path) -> list[Captions]:
    """Captions of one take, those of the same part together. Raises BadFile for times that are no numbers."""
    parts: dict[tuple[float, float], list[tuple[str, str]]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        text, *rest = line.split("#")
        if not text.strip():
            continue
        try:
            start, end = (float(word) for word in rest[1:3]) if len(rest) >= 3 else (0.0, 0.0)
        except ValueError as error:
            raise BadFile(
                f"'{path}' has a line without times: '{line[:60]}'.", "Write caption#tokens#start#end."
            ) from error
        # The data set itself has "nan" for times that nobody gave.
        start, end = (0.0 if math.isnan(value) else value for value in (start, end))
        parts.setdefault((start, end), []).append((text.strip(), FROM_TEXT_FILE))
    return [
        Captions(tuple(texts)) if start == end == 0 else Captions(tuple(texts), round(start * FPS), round(end * FPS))
        for (start, end), texts in parts.items()
    ]


def find_text_file(source: CaptureSource, folder: Path) -> Path | None:
    name = f"{source.path.stem}.txt"
    places = (source.path.parent, source.path.parent / "texts", source.path.parent.parent / "texts", folder / "texts")
    return next((place / name for place in places if (place / name).is_file()), None)


def read_json_lines(path: Path) -> dict[str, list[Captions]]:
    """Captions of each take that ``path`` names. Raises BadFile that says which line cannot be understood."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"'{path}' cannot be read as text.", "Give a file of JSON lines in UTF-8.") from error
    found: dict[str, list[Captions]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            about = json.loads(line)
            found.setdefault(str(about.get("take") or about["id"]), []).append(_captions(about))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadFile(
                f"Line {number} of '{path}' is not a caption.",
                'Write {"take": "NAME", "captions": ["a person walks"]}.',
            ) from error
    return found


def _captions(about: dict[str, Any]) -> Captions:
    given = about["captions"]
    if isinstance(given, str):
        raise TypeError("one text is not a list of texts")
    texts = [
        (item, FROM_JSON) if isinstance(item, str) else (item["text"], item.get("kind", FROM_JSON)) for item in given
    ]
    if not all(isinstance(text, str) and isinstance(kind, str) for text, kind in texts):
        raise TypeError("a text is a string")
    start, end = about.get("start"), about.get("end")
    if start is None or end is None:
        start = end = None
    return Captions(
        tuple(texts),
        None if start is None else int(start),
        None if end is None else int(end),
        bool(about.get("weak", False)),
    )


def captions_of(sources: list[CaptureSource], folder: Path, json_lines: Path | None) -> dict[str, list[Captions]]:
    """Captions by the sources' names; a JSON file comes before text files."""
    given = read_json_lines(json_lines) if json_lines else {}
    found = {}
    for source in sources:
        path = find_text_file(source, folder)
        found[source.name] = (
            given.get(source.name) or given.get(source.path.stem) or (read_text_file(path) if path else [])
        )
    return found
