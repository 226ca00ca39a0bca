# SPDX-License-Identifier: GPL-3.0-or-later
"""A group of properties as text and back, whatever it holds: numbers, choices, lists, other groups, objects by name.

Nothing here names a setting, so a setting that is added later is kept by takes without a word about it.
"""

from __future__ import annotations

import json
from typing import Any

import bpy

NOT_SETTINGS = ("takes", "overlay", "live")
"""What stands among the settings but does not belong to a request."""


def to_text(group: bpy.types.PropertyGroup) -> str:
    """All that is set in ``group``, as JSON."""
    return json.dumps(_read(group))


def from_text(group: bpy.types.PropertyGroup, text: str) -> list[str]:
    """Set ``group`` to what :func:`to_text` read; returns the names of objects that are no longer there."""
    missing: list[str] = []
    _write(group, json.loads(text), missing)
    return missing


def _read(group: bpy.types.PropertyGroup) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for prop in _kept(group):
        value = getattr(group, prop.identifier)
        if prop.type == "COLLECTION":
            values[prop.identifier] = [_read(item) for item in value]
        elif prop.type == "POINTER":
            values[prop.identifier] = _read_pointer(prop, value)
        elif prop.type == "ENUM" and prop.is_enum_flag:
            values[prop.identifier] = sorted(value)
        else:
            values[prop.identifier] = list(value) if getattr(prop, "is_array", False) else value
    return values


def _read_pointer(prop: bpy.types.Property, value: Any) -> Any:
    if value is None:
        return None
    return _read(value) if isinstance(value, bpy.types.PropertyGroup) else value.name


def _write(group: bpy.types.PropertyGroup, values: dict[str, Any], missing: list[str]) -> None:
    for prop in _kept(group):
        if prop.identifier not in values:
            continue
        value = values[prop.identifier]
        if prop.type == "COLLECTION":
            collection = getattr(group, prop.identifier)
            collection.clear()
            for item in value:
                _write(collection.add(), item, missing)
        elif prop.type == "POINTER" and isinstance(getattr(group, prop.identifier), bpy.types.PropertyGroup):
            _write(getattr(group, prop.identifier), value, missing)
        elif prop.type == "POINTER":
            setattr(group, prop.identifier, _find(prop, value, missing))
        elif prop.type == "ENUM" and prop.is_enum_flag:
            setattr(group, prop.identifier, set(value))
        elif getattr(group, prop.identifier) != value:
            _set(group, prop.identifier, value)


def _set(group: bpy.types.PropertyGroup, name: str, value: Any) -> None:
    try:
        setattr(group, name, value)
    except TypeError:  # a choice that this version of the add-on no longer offers: what is set stays
        return


def _find(prop: bpy.types.Property, name: str | None, missing: list[str]) -> bpy.types.ID | None:
    if name is None:
        return None
    collection = {"Object": bpy.data.objects, "Action": bpy.data.actions, "Curve": bpy.data.curves}.get(
        prop.fixed_type.identifier
    )
    found = collection.get(name) if collection is not None else None
    if found is None:
        missing.append(name)
    return found


def _kept(group: bpy.types.PropertyGroup) -> list[bpy.types.Property]:
    # Lists and groups count as read-only: they are changed, not replaced.
    return [
        prop
        for prop in group.bl_rna.properties
        if prop.identifier not in ("rna_type", *NOT_SETTINGS)
        and (not prop.is_readonly or prop.type in ("COLLECTION", "POINTER"))
    ]
