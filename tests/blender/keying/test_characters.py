# SPDX-License-Identifier: GPL-3.0-or-later
"""Every character of the registry comes into the scene as an armature."""

from __future__ import annotations

import pytest

pytest.importorskip("bpy")

import bpy
import numpy as np

from ..helpers import armatures, rigs

pytestmark = pytest.mark.same_in_every_blender


def test_a_table_of_bones_becomes_an_armature_with_a_body_on_its_soles(addon):
    bones = armatures.renamed(armatures.human(rigs.t_pose()), {"left_hip": "Oberschenkel.L"})
    bones = armatures.without(bones, "left_collar", "right_collar")
    armature = armatures.build("Figure", bones.values())
    assert armature.data.bones["left_knee"].parent.name == "Oberschenkel.L"
    assert armature.data.bones["left_shoulder"].parent.name == "spine3"
    (body,) = armature.children
    heights = [(body.matrix_world @ vertex.co).z for vertex in body.data.vertices]
    assert abs(min(heights)) < 2e-3 and np.isclose(max(heights), 1.75, atol=0.01)
    armature.pose.bones["pelvis"].location = (0, 1, 0)
    shown = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    assert np.isclose(min((shown.matrix_world @ v.co).z for v in shown.data.vertices), 1.0, atol=0.01)
