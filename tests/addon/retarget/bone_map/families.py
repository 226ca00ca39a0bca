# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons of many makes, in a few lines each: what their bones are called and where they hang.

A family is written as its chains, from the hips outward, with ``{s}`` for the side; ``joint=Name`` is a bone that is a
joint, ``Name`` alone one that is none and lies between its neighbours, or beside its parent at the end of a chain. A
chain begins with the bone that it hangs on, empty for none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blender_addon.retarget.rig import BoneRest
from blender_addon.shared.skeleton import SKELETON

from ..figures import bone, posed_joints

UP = np.array([0.0, 0.0, 0.05])
LEG = ("hip", "knee", "ankle", "foot")
ARM = ("collar", "shoulder", "elbow", "wrist")


@dataclass(frozen=True)
class Family:
    """``sides``: its words for left and right; ``chains``: see above; ``arms``: degrees that they are lowered at rest;
    ``free``: joints that may as well be told otherwise, or not at all."""

    sides: tuple[str, str]
    chains: tuple[str, ...]
    arms: float = 40.0
    free: tuple[str, ...] = ()


FAMILIES: dict[str, Family] = {
    "Quaternius women": Family(("L", "R"), (
        " Root", "Root pelvis=Hips spine1=Abdomen spine2=Torso spine3=Chest neck=Neck head=Head",
        "Chest collar=Shoulder.{s} shoulder=UpperArm.{s} elbow=LowerArm.{s} wrist=Hand.{s} Thumb1.{s}",
        "Root hip=UpperLeg.{s} knee=LowerLeg.{s} ankle=Foot.{s}",
    )),
    "Quaternius with IK feet": Family(("L", "R"), (
        " Root", "Root pelvis=Body Hips Abdomen spine3=Torso neck=Neck head=Head",
        "Torso collar=Shoulder.{s} shoulder=UpperArm.{s} elbow=LowerArm.{s} wrist=Palm.{s} Fingers.{s}",
        "Body hip=UpperLeg.{s} knee=LowerLeg.{s}", "Root ankle=Foot.{s}", "Root PoleTarget.{s}",
    )),
    "KayKit": Family(("l", "r"), (
        " root", "root pelvis=hips spine spine3=chest head=head",
        "chest shoulder=upperarm.{s} elbow=lowerarm.{s} wrist=wrist.{s} hand.{s} handslot.{s}",
        "hips hip=upperleg.{s} knee=lowerleg.{s} ankle=foot.{s} foot=toes.{s}",
    ), free=("left_wrist", "right_wrist")),
    "Unreal with IK bones": Family(("l", "r"), (
        " root",
        "root pelvis=pelvis spine_01 spine_02 spine_03 spine_04 spine3=spine_05 neck=neck_01 neck_02 head=head",
        "spine_05 collar=clavicle_{s} shoulder=upperarm_{s} elbow=lowerarm_{s} wrist=hand_{s} index_01_{s}",
        "upperarm_{s} upperarm_twist_01_{s}", "lowerarm_{s} lowerarm_twist_01_{s}",
        "pelvis hip=thigh_{s} knee=calf_{s} ankle=foot_{s} foot=ball_{s}", "thigh_{s} thigh_twist_01_{s}",
        "root ik_foot_root ik_foot_{s}", "root ik_hand_root ik_hand_gun ik_hand_{s}",
    )),
    "VRM 1": Family(("left", "right"), (
        " pelvis=hips spine1=spine spine2=chest spine3=upperChest neck=neck head=head",
        "upperChest collar={s}Shoulder shoulder={s}UpperArm elbow={s}LowerArm wrist={s}Hand {s}IndexProximal",
        "hips hip={s}UpperLeg knee={s}LowerLeg ankle={s}Foot foot={s}Toes", "head leftEye", "head rightEye",
    )),
    "Rokoko": Family(("Left", "Right"), (
        " pelvis=Hips Spine1 Spine2 Spine3 spine3=Spine4 neck=Neck head=Head",
        "Spine4 collar={s}Shoulder shoulder={s}Arm elbow={s}ForeArm wrist={s}Hand {s}Finger1Proximal",
        "Hips hip={s}Thigh knee={s}Shin ankle={s}Foot foot={s}Toe",
    )),
    "Xsens": Family(("Left", "Right"), (
        " pelvis=Pelvis L5 L3 T12 spine3=T8 neck=Neck head=Head",
        "T8 collar={s}Shoulder shoulder={s}UpperArm elbow={s}ForeArm wrist={s}Hand",
        "Pelvis hip={s}UpperLeg knee={s}LowerLeg ankle={s}Foot foot={s}Toe",
    ), arms=0),
    "Xsens FBX": Family(("Left", "Right"), (
        " pelvis=Hips Chest Chest2 Chest3 spine3=Chest4 neck=Neck head=Head",
        "Chest4 collar={s}Collar shoulder={s}Shoulder elbow={s}Elbow wrist={s}Wrist",
        "Hips hip={s}Hip knee={s}Knee ankle={s}Ankle foot={s}Toe",
    ), arms=0),
    "OptiTrack": Family(("L", "R"), (
        " pelvis=Hip Ab spine3=Chest neck=Neck head=Head",
        "Chest collar={s}Shoulder shoulder={s}UArm elbow={s}FArm wrist={s}Hand",
        "Hip hip={s}Thigh knee={s}Shin ankle={s}Foot foot={s}Toe",
    ), arms=0),
    "Perception Neuron": Family(("Left", "Right"), (
        " pelvis=Hips Spine Spine1 Spine2 spine3=Spine3 neck=Neck head=Head",
        "Spine3 collar={s}Shoulder shoulder={s}Arm elbow={s}ForeArm wrist={s}Hand {s}InHandIndex {s}HandIndex1",
        "Hips hip={s}UpLeg knee={s}Leg ankle={s}Foot",
    ), arms=0),
    "MMD": Family(("左", "右"), (
        " 全ての親 pelvis=センター グルーブ 腰 上半身 spine3=上半身2 neck=首 head=頭", "腰 下半身",
        "上半身2 collar={s}肩 shoulder={s}腕 {s}腕捩 elbow={s}ひじ wrist={s}手首 {s}人指１",
        "下半身 hip={s}足 knee={s}ひざ ankle={s}足首 foot={s}つま先", "全ての親 {s}足ＩＫ {s}つま先ＩＫ", "頭 {s}目",
    ), free=("pelvis", "spine1", "spine2", "left_foot", "right_foot")),
    "MMD in English": Family(("L", "R"), (
        " pelvis=center groove upper_body spine3=upper_body2 neck=neck head=head", "groove lower_body",
        "upper_body2 collar=shoulder.{s} shoulder=arm.{s} arm_twist.{s} elbow=elbow.{s} wrist=wrist.{s}",
        "lower_body hip=leg.{s} knee=knee.{s} ankle=ankle.{s} foot=toe.{s}", " leg_IK.{s} toe_IK.{s}",
    ), free=("pelvis", "spine1", "spine2", "left_foot", "right_foot")),
    "Koikatsu": Family(("L", "R"), (
        " cf_n_height pelvis=cf_j_hips spine1=cf_j_spine01 spine2=cf_j_spine02 spine3=cf_j_spine03 neck=cf_j_neck "
        "head=cf_j_head",
        "cf_j_hips cf_j_waist01 cf_j_waist02", "cf_j_waist02 cf_j_sk_00_00",
        "cf_j_spine03 collar=cf_j_shoulder_{s} shoulder=cf_j_arm00_{s} elbow=cf_j_forearm01_{s} wrist=cf_j_hand_{s}",
        "cf_j_waist02 hip=cf_j_thigh00_{s} knee=cf_j_leg01_{s} ankle=cf_j_leg03_{s} foot=cf_j_foot_{s} cf_j_toes_{s}",
    ), arms=0, free=("left_ankle", "right_ankle", "left_foot", "right_foot")),
    "Second Life": Family(("Left", "Right"), (
        " pelvis=mPelvis mSpine1 mSpine2 mTorso mSpine3 mSpine4 spine3=mChest neck=mNeck head=mHead mSkull",
        "mChest collar=mCollar{s} shoulder=mShoulder{s} elbow=mElbow{s} wrist=mWrist{s} mHandMiddle1{s}",
        "mPelvis hip=mHip{s} knee=mKnee{s} ankle=mAnkle{s} foot=mFoot{s} mToe{s}",
        "mChest mWingsRoot mWing1{s} mWing2{s} mWing3{s}", "mPelvis mTail1 mTail2 mTail3",
        "mPelvis mHindLimbsRoot mHindLimb1{s} mHindLimb2{s} mHindLimb3{s} mHindLimb4{s}",
    ), arms=0, free=("left_foot", "right_foot")),
    "Roblox R15": Family(("Left", "Right"), (
        " Root HumanoidRootNode pelvis=LowerTorso spine3=UpperTorso head=Head",
        "UpperTorso shoulder={s}UpperArm elbow={s}LowerArm wrist={s}Hand",
        "LowerTorso hip={s}UpperLeg knee={s}LowerLeg ankle={s}Foot",
    ), arms=80),
    "Source": Family(("L", "R"), (
        " pelvis=ValveBiped.Bip01_Pelvis ValveBiped.Bip01_Spine ValveBiped.Bip01_Spine1 ValveBiped.Bip01_Spine2 "
        "spine3=ValveBiped.Bip01_Spine4 neck=ValveBiped.Bip01_Neck1 head=ValveBiped.Bip01_Head1",
        "ValveBiped.Bip01_Spine4 collar=ValveBiped.Bip01_{s}_Clavicle shoulder=ValveBiped.Bip01_{s}_UpperArm "
        "elbow=ValveBiped.Bip01_{s}_Forearm wrist=ValveBiped.Bip01_{s}_Hand ValveBiped.Bip01_{s}_Finger1",
        "ValveBiped.Bip01_Pelvis hip=ValveBiped.Bip01_{s}_Thigh knee=ValveBiped.Bip01_{s}_Calf "
        "ankle=ValveBiped.Bip01_{s}_Foot foot=ValveBiped.Bip01_{s}_Toe0",
    )),
    "3ds Max Biped": Family(("L", "R"), (
        " Bip001 pelvis=Bip001_Pelvis spine1=Bip001_Spine spine3=Bip001_Spine1 neck=Bip001_Neck head=Bip001_Head",
        "Bip001_Neck collar=Bip001_{s}_Clavicle shoulder=Bip001_{s}_UpperArm elbow=Bip001_{s}_Forearm "
        "wrist=Bip001_{s}_Hand Bip001_{s}_Finger0", "Bip001_Head Bip001_HeadNub",
        "Bip001_Spine hip=Bip001_{s}_Thigh knee=Bip001_{s}_Calf ankle=Bip001_{s}_Foot foot=Bip001_{s}_Toe0",
    ), free=("spine1", "spine2")),
    "Character Creator": Family(("L", "R"), (
        " RL_BoneRoot pelvis=CC_Base_Hip CC_Base_Waist CC_Base_Spine01 spine3=CC_Base_Spine02 "
        "neck=CC_Base_NeckTwist01 CC_Base_NeckTwist02 head=CC_Base_Head", "CC_Base_Hip CC_Base_Pelvis",
        "CC_Base_Spine02 collar=CC_Base_{s}_Clavicle shoulder=CC_Base_{s}_Upperarm elbow=CC_Base_{s}_Forearm "
        "wrist=CC_Base_{s}_Hand CC_Base_{s}_Index1", "CC_Base_{s}_Upperarm CC_Base_{s}_UpperarmTwist01",
        "CC_Base_Pelvis hip=CC_Base_{s}_Thigh knee=CC_Base_{s}_Calf ankle=CC_Base_{s}_Foot foot=CC_Base_{s}_ToeBase",
    )),
    "Daz Genesis 9": Family(("l", "r"), (
        " pelvis=hip spine1 spine2 spine3 spine3=spine4 neck=neck1 neck2 head=head", "hip pelvis",
        "spine4 collar={s}_shoulder shoulder={s}_upperarm elbow={s}_forearm wrist={s}_hand {s}_index1",
        "{s}_upperarm {s}_upperarmtwist1", "{s}_forearm {s}_forearmtwist1",
        "pelvis hip={s}_thigh knee={s}_shin ankle={s}_foot foot={s}_toes", "{s}_thigh {s}_thightwist1",
    )),
    "Advanced Skeleton": Family(("L", "R"), (
        " pelvis=Root_M Spine1_M spine3=Chest_M neck=Neck_M head=Head_M HeadEnd_M",
        "Chest_M collar=Scapula_{s} shoulder=Shoulder_{s} elbow=Elbow_{s} wrist=Wrist_{s} MiddleFinger1_{s}",
        "Root_M hip=Hip_{s} knee=Knee_{s} ankle=Ankle_{s} foot=Toes_{s} ToesEnd_{s}",
        "Hip_{s} HipPart1_{s}", "Shoulder_{s} ShoulderPart1_{s}",
    )),
    "Rigify before 0.5": Family(("L", "R"), (
        " pelvis=hips spine spine3=chest neck=neck head=head",
        "chest collar=shoulder.{s} shoulder=upper_arm.{s} elbow=forearm.{s} wrist=hand.{s} f_index.01.{s}",
        "hips hip=thigh.{s} knee=shin.{s} ankle=foot.{s} foot=toe.{s}", "shin.{s} heel.{s}",
    )),
    "Unity": Family(("Left", "Right"), (
        " pelvis=Hips spine1=Spine spine2=Chest spine3=UpperChest neck=Neck head=Head",
        "UpperChest collar={s}Shoulder shoulder={s}UpperArm elbow={s}LowerArm wrist={s}Hand",
        "Hips hip={s}UpperLeg knee={s}LowerLeg ankle={s}Foot foot={s}Toes",
    )),
    "HumanIK": Family(("Left", "Right"), (
        " pelvis=Character1_Hips Character1_Spine Character1_Spine1 spine3=Character1_Spine2 neck=Character1_Neck "
        "head=Character1_Head",
        "Character1_Spine2 collar=Character1_{s}Shoulder shoulder=Character1_{s}Arm elbow=Character1_{s}ForeArm "
        "wrist=Character1_{s}Hand",
        "Character1_Hips hip=Character1_{s}UpLeg knee=Character1_{s}Leg ankle=Character1_{s}Foot "
        "foot=Character1_{s}ToeBase",
    ), arms=0),
    "French": Family(("Gauche", "Droite"), (
        " pelvis=Bassin Dos spine3=Poitrine neck=Cou head=Tête",
        "Poitrine collar=Clavicule_{s} shoulder=Bras_{s} elbow=Avant-Bras_{s} wrist=Main_{s}",
        "Bassin hip=Cuisse_{s} knee=Mollet_{s} ankle=Pied_{s} foot=Orteils_{s}",
    )),
    "German": Family(("links", "rechts"), (
        " pelvis=Becken Wirbelsäule spine3=Brust neck=Hals head=Kopf",
        "Brust collar=Schlüsselbein_{s} shoulder=Oberarm_{s} elbow=Unterarm_{s} wrist=Hand_{s}",
        "Becken hip=Oberschenkel_{s} knee=Unterschenkel_{s} ankle=Fuß_{s} foot=Zehen_{s}",
    )),
    "Spanish": Family(("izquierda", "derecha"), (
        " pelvis=Cadera Columna spine3=Pecho neck=Cuello head=Cabeza",
        "Pecho collar=Hombro_{s} shoulder=Brazo_{s} elbow=Antebrazo_{s} wrist=Mano_{s}",
        "Cadera hip=Muslo_{s} knee=Pantorrilla_{s} ankle=Pie_{s}",
    )),
    "Voxel, names in Bone": Family(("Left", "Right"), (
        " RootBone pelvis=HipsBone SpineBone spine3=ChestBone neck=NeckBone head=HeadBone",
        "ChestBone collar={s}ShoulderBone shoulder={s}UpperArmBone elbow={s}LowerArmBone wrist={s}HandBone",
        "HipsBone hip={s}UpperLegBone knee={s}LowerLegBone ankle={s}FootBone",
    ), arms=80),
}  # fmt: skip


def skeleton(family: Family, joints: np.ndarray | None = None) -> tuple[list[BoneRest], dict[str, str]]:
    """The bones of a family on a figure that stands in Blender's axes, and the joints that they are."""
    places = posed_joints(arms=family.arms) if joints is None else joints
    rows: dict[str, tuple[str | None, np.ndarray]] = {}
    truth: dict[str, str] = {}
    for chain in family.chains:
        for side, word in zip(("left", "right"), family.sides, strict=True) if "{s}" in chain else (("", ""),):
            start, *words = chain.format(s=word).split(" ")
            _add_chain(rows, truth, places, start or None, words, side)
    children: dict[str, list[str]] = {name: [] for name in rows}
    for name, (parent, _) in rows.items():
        if parent:
            children[parent].append(name)
    bones = []
    for name, (parent, head) in rows.items():
        ends = [rows[child][1] for child in children[name] if np.linalg.norm(rows[child][1] - head) > 1e-3]
        bones.append(bone(name, parent, head, ends[0] if ends else head + UP))
    return bones, truth


def _add_chain(
    rows: dict[str, tuple[str | None, np.ndarray]],
    truth: dict[str, str],
    places: np.ndarray,
    parent: str | None,
    words: list[str],
    side: str,
) -> None:
    """Add the bones ``words`` below ``parent``; what is no joint lies evenly between its neighbours."""
    named = [(word.split("=")[0] if "=" in word else "", word.split("=")[-1]) for word in words]
    joints = [_joint(part, side) for part, _ in named]
    start = rows[parent][1] if parent else np.zeros(3)
    for index, (joint, (_, name)) in enumerate(zip(joints, named, strict=True)):
        if joint:
            head = places[SKELETON.index(joint)]
            truth[joint] = name
        else:
            after = next((at for at in range(index, len(joints)) if joints[at]), None)
            if after is None:
                head = start + 0.04 * (np.array([1.0 if side == "left" else -1.0, -0.5, -0.3]) if side else np.zeros(3))
            else:
                share = 1.0 / (after - index + 1)
                head = (1 - share) * start + share * places[SKELETON.index(joints[after])] if parent else start
        rows.setdefault(name, (parent, head))
        parent, start = name, rows[name][1]


def _joint(part: str, side: str) -> str:
    return f"{side}_{part}" if part in (*LEG, *ARM) else part
