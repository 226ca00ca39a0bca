# SPDX-License-Identifier: GPL-3.0-or-later
"""Every panel draws in every state. The layout written here checks what it is given as Blender's own would:
properties that exist, operators that are registered, icons that Blender has.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")

from blender_addon import ui
from blender_addon.app.engine import ENGINE
from blender_addon.app.generation import GENERATION
from blender_addon.capture import changes
from blender_addon.ui import prompt_suggestions

from ..helpers import dressed, scenes

ICONS = set(bpy.types.UILayout.bl_rna.functions["prop"].parameters["icon"].enum_items.keys())


class CheckingLayout:
    """Takes what a panel draws, checks it and remembers the words."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def _self(self, **_options: object) -> CheckingLayout:
        return self

    row = column = box = split = grid_flow = _self

    def label(self, text: str = "", icon: str = "NONE") -> None:
        assert icon in ICONS
        self.words.append(text)

    def prop(self, data: object, name: str, icon: str = "NONE", **_options: object) -> None:
        assert name in data.bl_rna.properties and icon in ICONS
        self.words.append(name)

    textbox = prop

    def prop_search(self, data: object, name: str, search: object, collection: str, **_options: object) -> None:
        assert name in data.bl_rna.properties and collection in search.bl_rna.properties
        self.words.append(name)

    def menu(self, idname: str, icon: str = "NONE", **_options: object) -> None:
        assert hasattr(bpy.types, idname) and icon in ICONS
        self.words.append(idname)

    def separator(self) -> None:
        pass

    def operator_menu_enum(self, idname: str, name: str, icon: str = "NONE", **_options: object) -> SimpleNamespace:
        group, operator = idname.split(".")
        assert name in getattr(getattr(bpy.ops, group), operator).get_rna_type().properties
        return self.operator(idname, icon=icon)

    def operator(self, idname: str, text: str = "", icon: str = "NONE", **_options: object) -> SimpleNamespace:
        group, name = idname.split(".")
        assert name in dir(getattr(bpy.ops, group)) and icon in ICONS
        self.words.append(idname)
        return SimpleNamespace()

    def template_list(
        self, kind: str, _id: str, data: object, name: str, _active: object, active: str, **_options: object
    ) -> None:
        assert hasattr(bpy.types, kind) and name in data.bl_rna.properties and active in data.bl_rna.properties
        (cls,) = [cls for cls in ui.CLASSES if cls.__name__ == kind]
        for item in getattr(data, name):
            cls.draw_item(cls, bpy.context, self, data, item, 0, data, active)

    def panel(self, _name: str, default_closed: bool = False) -> tuple[CheckingLayout, CheckingLayout]:
        return self, self

    def progress(self, factor: float, text: str, **_options: object) -> None:
        assert 0.0 <= factor <= 1.0
        self.words.append(text)


def drawn() -> list[str]:
    layout = CheckingLayout()
    for cls in ui.CLASSES:
        if issubclass(cls, bpy.types.Panel) and ("poll" not in vars(cls) or cls.poll(bpy.context)):
            cls.draw(SimpleNamespace(layout=layout, column=cls.column), bpy.context)
    return layout.words


def test_a_new_scene_says_what_to_do(addon) -> None:
    words = drawn()
    assert "gaitway.engine_start" in words and "gaitway.generate" in words
    assert any("Choose the armature" in word for word in words)
    assert any("Draw a path" in word for word in words)


def test_each_kind_of_control_shows_what_belongs_to_it(addon) -> None:
    settings = bpy.context.scene.gaitway
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    for target, field in (
        (scenes.curve("Path", [(0, 0, 0), (1, 0, 0)]), "frame_end"),
        (armature, "bone"),
        (scenes.empty("Hand", {1: (0, 0, 0)}), "joint"),
        (None, "target"),
    ):
        scenes.control(target)
        settings.active_control = len(settings.controls) - 1
        words = drawn()
        assert field in words
        assert ("frame_end" in words) == (field == "frame_end") and ("bone" in words) == (field == "bone")


def test_a_control_shows_what_its_settings_ask_for(addon) -> None:
    empty = scenes.control(scenes.empty("Hand", {1: (0, 0, 0)}))
    assert "times" in drawn() and "frame_start" not in drawn() and "tolerance" not in drawn()
    empty.times, empty.follow, empty.use_frames = "RANGE", "TOLERANCE", True
    assert {"frame_start", "tolerance", "frames", "gaitway.control_frame"} <= set(drawn())
    path = scenes.curve("Path", [(0, 0, 0), (1, 0, 0)])
    scenes.control(path)
    bpy.context.scene.gaitway.active_control = 1
    assert "pace" in drawn() and not {"times", "ease", "spline"} & set(drawn())
    bpy.context.scene.gaitway.controls[1].pace = "EASE"
    path.data.splines.new("POLY")
    assert {"ease", "spline"} <= set(drawn())


@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_a_path_is_summed_up_in_the_units_of_the_scene(addon, unit: float) -> None:
    scene = bpy.context.scene
    scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", unit
    path = scenes.curve("Path", [(0, 0, 0), (6 / unit, 0, 0)], "POLY")
    scenes.control(path, frame_start=1, frame_end=97)
    assert "6 m in 4.0 s: 1.5 m/s" in drawn()
    scene.unit_settings.system = "IMPERIAL"
    assert any("4.92 ft/s" in word for word in drawn())


@pytest.mark.parametrize("make", [dressed.hair, dressed.grease_pencil, dressed.edges, dressed.poly])
@pytest.mark.parametrize("shown", [False, True])
def test_other_lines_are_paths_where_told(addon, make, shown: bool) -> None:
    scene = bpy.context.scene
    scene.unit_settings.system = "METRIC"
    target = dressed.instanced(make(), (1, 2, 3)) if shown else make()
    control = scenes.control(target, frame_start=1, frame_end=97)
    assert ("along_lines" in drawn()) == (target.type != "CURVE")
    control.along_lines = True
    assert "6.83 m in 4.0 s: 1.71 m/s" in drawn()
    before = changes.inputs_hash(scene)
    member = target.instance_collection.objects[0] if shown else target
    member.location.x = 1
    member.matrix_world = member.matrix_basis  # as Blender does when it evaluates the object
    assert target.session_uid in changes.watched_uids(scene) and changes.inputs_hash(scene) != before


def test_prompts_are_drawn_one_or_in_turn_with_what_the_model_knows(addon) -> None:
    settings = bpy.context.scene.gaitway
    assert {"prompt", "GAITWAY_MT_prompts", "seconds"} <= set(drawn())
    settings.prompt_mode = "BLOCKS"
    assert "prompt" not in drawn() and "gaitway.prompt_add" in drawn() and "seconds" not in drawn()
    bpy.ops.gaitway.prompt_add()
    assert {"text", "frame_start", "frame_end", "1 - 73"} <= set(drawn())
    menu = CheckingLayout()
    bpy.types.GAITWAY_MT_prompts.draw(SimpleNamespace(layout=menu), bpy.context)
    assert set(menu.words) >= {"Gestures", "Falls", "gaitway.prompt_use"}
    assert menu.words.count("gaitway.prompt_use") == sum(map(len, prompt_suggestions.KNOWN_BY_LIBRARY.values()))


@pytest.mark.parametrize("state", ["offline", "starting", "connecting", "ready", "running", "cancelling"])
def test_each_state_of_the_engine(addon, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session = ENGINE.open_session()
    monkeypatch.setattr(session, "state", state)
    monkeypatch.setattr(session, "status", f"Status of {state}.")
    busy = state in ("running", "cancelling")
    monkeypatch.setattr(GENERATION, "_request", iter(()) if busy else None)
    words = drawn()
    assert f"Status of {state}." in words
    assert ("gaitway.engine_start" in words) == (state == "offline")
    assert ("gaitway.cancel" in words) == busy and ("gaitway.generate" in words) != busy


def test_an_error_and_a_report_are_shown_with_their_remedy(addon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GENERATION, "error", ("It broke.", "Fix it."))
    words = drawn()
    assert "It broke." in words and "Fix it." in words
    monkeypatch.setattr(GENERATION, "error", None)
    monkeypatch.setattr(GENERATION, "report", ["Made.", "Near."])
    monkeypatch.setattr(GENERATION, "delivered_id", "the last")
    assert "Made." not in drawn()  # its take is gone
    bpy.context.scene.gaitway.takes.items.add().generation = "the last"
    words = drawn()
    assert "Made." in words and "Near." in words


def test_a_take_names_its_clips_and_what_to_know(addon) -> None:
    take = bpy.context.scene.gaitway.takes.items.add()
    assert not any("Captured" in word or "network" in word for word in drawn())  # of an earlier version
    take.origin = "Made by the neural network"
    assert take.origin in drawn()
    take.notice = "No captured motion is near this sentence. The closest is: a person crawls."
    take.credits = "CMU Graphics Lab"
    for number in range(5):
        clip = take.clips.add()
        clip.name, clip.seconds = f"a person does {number}", 1.5
    words = drawn()
    assert {"a person does 4", "1.5 s", "Captured clips of 5 kinds"} <= set(words)
    text = " ".join(words)
    assert "The closest is: a person crawls." in text and "Captured by CMU Graphics Lab" in text
    while len(take.clips) > 2:
        take.clips.remove(2)
    assert "a person does 1" in drawn() and not any("kinds" in word for word in drawn())


def test_a_prompt_that_nothing_is_near_is_told_beside_the_report(addon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GENERATION, "report", ["Made."])
    monkeypatch.setattr(GENERATION, "notice", "This sentence was not understood.")
    monkeypatch.setattr(GENERATION, "delivered_id", "the last")
    bpy.context.scene.gaitway.takes.items.add().generation = "the last"
    assert {"Made.", "This sentence was not understood."} <= set(drawn())


def test_suggestions_fit_the_model() -> None:
    assert prompt_suggestions.suggestions("gaitway-small") is prompt_suggestions.suggestions(None)
    assert prompt_suggestions.suggestions("motionlcm_humanml") is not prompt_suggestions.suggestions(None)
    assert prompt_suggestions.suggestions("gaitway-small", closeness=0.0) is prompt_suggestions.KNOWN_BY_OWN
    for known in (
        prompt_suggestions.KNOWN_BY_LIBRARY,
        prompt_suggestions.KNOWN_BY_OWN,
        prompt_suggestions.KNOWN_BY_OTHERS,
    ):
        sentences = [sentence for group in known.values() for sentence in group]
        assert len(set(sentences)) == len(sentences) > 10
        assert all(sentence.startswith("a person ") and sentence.endswith(".") for sentence in sentences)
