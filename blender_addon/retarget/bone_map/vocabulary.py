# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for sides and parts of the body in the languages that bones are named in. Data only; without accents.

A word may stand for several parts ("shoulder" for collar bone or upper arm): what hangs where decides then.
"""

from __future__ import annotations

Roles = dict[str, float]
"""Part -> how surely a word says it: 2 for a word of its own, less for one that others share."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


LEFT = _set(
    "left l lf lft gauche links linke linker izquierda izquierdo izq sinistra sinistro sx esquerda esquerdo "
    "hidari vlevo levy lewa lewy lev левый левая лево лев 左 ひだり 왼쪽 왼"
)
RIGHT = _set(
    "right r rt rgt droite droit rechts rechte rechter derecha derecho destra destro dx direita direito "
    "migi vpravo pravy prawa prawy prav правый правая право прав 右 みぎ 오른쪽 오른"
)

_WORDS: tuple[tuple[str, Roles], ...] = (
    ("hips pelvis bassin becken hueften huften caderas bacino cintura quadril taz kahanshin lowerbody lowertorso "
     "下半身 骨盤 骨盆 髋 таз 골반", {"pelvis": 2.0}),
    ("hip hanche hufte huefte cadera anca huft 腰 koshi", {"pelvis": 1.2, "thigh": 1.0}),
    ("waist taille taillie cog", {"pelvis": 0.8, "spine": 0.8}),
    ("spine abdomen ab torso chest thorax ribcage ribs rib backbone back belly stomach upperchest upperbody uppertorso "
     "bodyupper colonne dos torse poitrine wirbelsaule wirbelsaeule rucken ruecken brust brustkorb bauch rumpf columna "
     "espalda pecho spina schiena petto busto coluna espinha peito tronco jouhanshin "
     "上半身 脊椎 脊柱 胸 позвоночник спина грудь 척추 가슴", {"spine": 2.0}),
    ("neck cou hals nacken cuello collo pescoco kubi 首 颈 頸 脖子 шея 목", {"neck": 2.0}),
    ("head skull tete kopf cabeza testa cabeca atama 頭 头 голова 머리", {"head": 2.0}),
    ("clavicle collar collarbone clavicula clavicola scapula scap clav schlusselbein schluesselbein clavicule 锁骨 "
     "鎖骨 ключица 쇄골", {"collar": 2.0}),
    ("shoulder shldr epaule schulter hombro spalla ombro kata 肩 어깨", {"collar": 1.1, "upper_arm": 1.0}),
    ("upperarm uparm uarm armupper oberarm humerus bicep biceps hautbras brassup 上臂 плечо", {"upper_arm": 2.0}),
    ("arm bras brazo braccio braco ude 腕 рука 팔", {"upper_arm": 1.2, "lower_arm": 0.4}),
    ("forearm lowerarm lowarm farm armlower lorearm avantbras unterarm antebrazo avambraccio antebraco elbow coude "
     "ellbogen ellenbogen codo gomito cotovelo hiji ひじ 肘 前臂 小臂 предплечье 팔꿈치", {"lower_arm": 2.0}),
    ("wrist handgelenk poignet muneca polso pulso tekubi 手首 手腕 손목", {"hand": 2.2}),
    ("hand palm fist main mano mao punho te 手 кисть 손", {"hand": 2.0}),
    ("thumb index middle ring pinky little finger fingers daumen zeigefinger pouce indice pulgar pollice dedo 指",
     {"finger": 2.0}),
    ("thigh upleg upperleg uleg legupper femur oberschenkel oberbein cuisse muslo coscia coxa momo futomomo 大腿 "
     "太もも бедро 허벅지", {"thigh": 2.0}),
    ("leg foreleg frontleg hindleg rearleg backleg bein jambe pierna gamba perna ashi 足 脚 腿 нога 다리",
     {"thigh": 1.0, "shin": 1.0}),
    ("knee shin calf lowerleg lowleg lleg leglower tibia shank crus unterschenkel unterbein wade knie genou mollet "
     "tibial rodilla pantorrilla espinilla ginocchio polpaccio joelho canela panturrilha hiza sune ひざ 膝 小腿 すね "
     "голень колено 종아리 무릎", {"shin": 2.0}),
    ("ankle knochel knoechel fussgelenk cheville tobillo caviglia tornozelo ashikubi 足首 脚踝 발목", {"foot": 2.2}),
    ("foot feet fuss pied pie piede pe paw стопа 脚掌 발", {"foot": 2.0, "toe": 0.7}),
    ("toe toes toebase toebone ball zeh zehe zehen orteil orteils dedos punta tsumasaki つま先 足先 脚趾 발가락",
     {"toe": 2.0}),
)  # fmt: skip

PARTS: dict[str, Roles] = {word: roles for words, roles in _WORDS for word in words.split()}

ASIDE = _set(
    "ik pole poletarget target goal handle twist roll helper null end nub leaf tip site socket slot attach prop "
    "weapon sword gun shield bow quiver bag backpack holster pad cloth skirt dress cape cloak scarf belt hair ponytail "
    "bangs braid breast boob boobs bust butt jiggle spring muscle corrective part tail wing wings fin ear ears eye "
    "eyes eyelid eyelids jaw tongue face lid brow brows eyebrow lip lips cheek teeth nose chin mouth horn antenna "
    "tentacle hitbox collider physics 捩 スカート 髪 目 舌 胸先 尻 翼"
)  # fmt: skip
"""Words of bones that are no limbs, or are moved by something else."""

FRONT = _set("nose eye eyes jaw chin mouth lip lips face brow 目 鼻 口")
"""What lies before the head."""

_SIDES_NATIVE = [word for word in (*LEFT, *RIGHT) if not word.isascii()]
NATIVE: tuple[str, ...] = tuple(
    sorted({*_SIDES_NATIVE, *(w for w in (*PARTS, *ASIDE) if not w.isascii())}, key=lambda word: (-len(word), word))
)
"""Words of scripts that set no spaces, the longest first."""
