# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH and ASF/AMC files: forward kinematics against another reader and closed forms, and what broken files say."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.shared import quat
from blender_addon.shared.errors import BadFile
from engine.export.bvh import write_bvh
from engine.export.clip import ExportClip
from training.prepare.acclaim import read_amc, read_asf
from training.prepare.bvh import read_bvh

from ...engine.helpers import bvh_reader
from ...engine.helpers.motions import walking_in_a_circle

BVH = """HIERARCHY
ROOT base
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT arm one
  {
    OFFSET 0 1 0
    CHANNELS 3 Yrotation Xrotation Zrotation
    End Site
    {
      OFFSET 0 0 2
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.05
1 2 3 90 0 0 0 0 0
1 2 3 0 0 0 0 90 0
"""

ASF = """:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name upper
     direction 1 0 0
     length 2
     axis 0 0 90 XYZ
     dof rx rz
  end
  begin
     id 2
     name lower
     direction 0 1 0
     length 3
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root upper
    upper lower
  end
"""
AMC = ":FULLY-SPECIFIED\n:DEGREES\n1\nroot 5 6 7 0 0 0\nupper 0 0\n2\nroot 5 6 7 0 0 90\nupper 90 90\n"


@pytest.fixture
def written(tmp_path):
    """Writes a text into a file and gives its path."""

    def write(name: str, text: str):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_bvh_turns_bones_in_the_order_of_its_channels(written):
    capture = read_bvh(written("a.bvh", BVH))
    assert capture.fps == pytest.approx(20) and list(capture.rig.by_name) == ["base", "arm one"]
    np.testing.assert_allclose(capture.heads[:, 1], [[0, 2, 3], [1, 3, 3]], atol=1e-12)
    np.testing.assert_allclose(quat.rotate(capture.rotations[1, 1], np.array([0.0, 0, 2])), [0, -2, 0], atol=1e-12)
    np.testing.assert_allclose(capture.rig.by_name["arm one"].tail, [0, 1, 2])


def test_bvh_agrees_with_another_reader(tmp_path):
    path = tmp_path / "walk.bvh"
    with path.open("wb") as stream:
        write_bvh(ExportClip(walking_in_a_circle(20)), stream)
    capture, other = read_bvh(path), bvh_reader.read_bvh(path.read_text()).positions()
    for name, places in other.items():
        np.testing.assert_allclose(capture.heads[:, capture.place(name)], places, atol=1e-9)


def test_position_channels_stand_in_place_of_offsets(written):
    text = BVH.replace("CHANNELS 3 Y", "CHANNELS 6 Xposition Yposition Zposition Y")
    text = text.replace("90 0 0 0 0 0\n", "0 0 0 0 4 0 0 0 0\n").replace("0 0 0 0 90 0\n", "0 0 0 9 9 9 0 90 0\n")
    np.testing.assert_allclose(read_bvh(written("a.bvh", text)).heads[:, 1], [[1, 6, 3], [10, 11, 12]])


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (BVH.replace("1 2 3 0 0 0 0 90 0\n", "1 2 3 0"), "cut short: it holds 1 of its 2 frames"),
        (BVH[: BVH.index("MOTION")], "ends before its motion"),
        (BVH[:120] + "\nMOTION\nFrames: 1\nFrame Time: 1\n0", "hierarchy of .* cut short"),
        (BVH.replace("0 90 0\n", "0 what 0\n"), "'what', which is not a number"),
        (BVH.replace("Frame Time: 0.05", "Frame Time: 0"), "0.0 seconds"),
        (BVH.replace("Xrotation Yrotation", "Xrotation Wrotation"), "channel 'Wrotation'"),
        (BVH.replace("OFFSET 0 1 0", "OFFSET 0 inf 0"), "not finite"),
        ("\0\1", "not a text file"),
    ],
)
def test_broken_bvh_files_are_told(written, broken, told):
    with pytest.raises(BadFile, match=told):
        read_bvh(written("a.bvh", broken))


def test_amc_turns_bones_about_their_own_axes(written):
    capture = read_amc(written("a.amc", AMC), read_asf(written("a.asf", ASF)))
    assert capture.fps == 120 and list(capture.rig.by_name) == ["root", "upper", "lower"]
    np.testing.assert_allclose(capture.rig.by_name["lower"].tail, [2, 3, 0])
    # At rest: from the root along X. The bone's x is the world's y; x turns first, then z, then the root by 90 about Z.
    np.testing.assert_allclose(capture.heads[0], [[5, 6, 7], [5, 6, 7], [7, 6, 7]], atol=1e-12)
    np.testing.assert_allclose(capture.heads[1, 2], [5, 6, 5], atol=1e-12)
    x_then_z = quat.multiply(
        quat.from_axis_angle(np.array([0.0, 0, 1]), np.float64(np.pi / 2)),
        quat.from_axis_angle(np.array([0.0, 1, 0]), np.float64(np.pi / 2)),
    )
    root = quat.from_axis_angle(np.array([0.0, 0, 1]), np.float64(np.pi / 2))
    same = (capture.rotations[1, 1] * quat.multiply(root, x_then_z)).sum()
    assert abs(same) == pytest.approx(1)


def test_radians_say_the_same_as_degrees(written):
    skeleton = read_asf(written("a.asf", ASF))
    degrees = read_amc(written("a.amc", AMC), skeleton)
    text = AMC.replace(":DEGREES", ":RADIANS").replace("0 0 90", f"0 0 {np.pi / 2}")
    radians = read_amc(written("b.amc", text.replace("90 90", f"{np.pi / 2} {np.pi / 2}")), skeleton)
    np.testing.assert_allclose(radians.heads, degrees.heads, atol=1e-9)


@pytest.mark.parametrize(
    ("asf", "amc", "told"),
    [
        (ASF, AMC[: AMC.rindex("upper")], "cut short .bone 'upper'."),
        (ASF, AMC.replace("upper 90 90", "upper 90"), "cut short .bone 'upper'."),
        (ASF, AMC.replace("upper", "tail"), "'tail' that its skeleton does not have"),
        (ASF, "", "no frames"),
        (ASF, AMC.replace("90 90", "90 x"), "'x', which is not a number"),
        (ASF[: ASF.index(":hierarchy")], AMC, "not an ASF skeleton"),
        (ASF.replace("length 3", ""), AMC, "no direction or no length"),
        (ASF.replace("length 3", "length nan"), AMC, "not finite"),
        (ASF.replace("axis 0 0 90", "axis 0 0"), AMC, "not three angles|not a number"),
        (ASF.replace("root upper\n", "root upper hand\n"), AMC, "'hand' in its hierarchy"),
    ],
)
def test_broken_acclaim_files_are_told(written, asf, amc, told):
    with pytest.raises(BadFile, match=told):
        read_amc(written("a.amc", amc), read_asf(written("a.asf", asf)))
