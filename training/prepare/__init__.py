# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion capture made ready for training: ``python -m training.prepare FOLDER --out DATA``.

``FOLDER`` is searched with all that lies below it for

- a HumanML3D data set as its makers ship it: ``new_joints/NAME.npy`` (T, 22, 3) or, for want of it,
  ``new_joint_vecs/NAME.npy`` (T, 263); ``texts/NAME.txt``; ``train.txt``, ``val.txt``, ``test.txt``; and ``Mean.npy``
  and ``Std.npy``, which are compared with what comes out here;
- ``.bvh`` files: any hierarchy, order of channels, rate, unit and pose at rest;
- ``.amc`` takes with the ``.asf`` skeleton of each in the same folder, ``02.asf`` for ``02_01.amc``, or the only one
  there. They do not say their rate: ``--amc-fps``, 120 as CMU's.

``--kind humanml3d | bvh | amc`` takes only one of them. Bones are found by the names that retargeting knows (Mixamo,
Rigify, SMPL, Unreal, VRM, Daz, Character Creator, MakeHuman, CMU), else by the structure of the skeleton.

**What happens to a take.** Sampled at 20 frames a second; put on the model's 22 joints and bone lengths (``retarget``);
scaled by the length of the legs, so that units do not matter; levelled, where its footprints show a slope of less than
two degrees, and laid on the floor (``floor``); frames in which the body leaps from a rest pose into the motion left out
at the beginning. HumanML3D's motions have all that behind them and stay as they are. Longer takes are cut into equal
clips of at most ``--max-frames`` (200: ten seconds); clips under ``--min-frames`` (40) are left out.

**What is left out**, with its reason, in the table on screen and in ``report.json``: files that cannot be read or show
no human, clips with numbers that are not finite, with a joint faster than ``--max-speed`` (15 m/s; sprints and kicks
come to 13), with bones that change their length by more than ``--max-stretch`` (0.15) in the source, with a body more
than ``--max-depth`` (0.2 m) below the floor, or upside down most of the time.

**Captions**: ``NAME.txt`` beside the motion or in ``texts``, a line ``caption#tokens#start#end`` each, or
``--captions FILE.jsonl`` with lines such as ``{"take": "02_01", "captions": ["a person walks"]}``. A caption with times
(seconds in text files, ``start`` and ``end`` frames at 20 fps in JSON) makes a clip of just that part; where all of a
take's captions have times, the rest of it is not used. Clips of a take
that had to be cut keep its captions and count as weakly described. A clip may have no caption.

**Known faults** of published data are mended (``source_faults``): takes of CMU whose files state twice the rate they
were captured at, clips of HumanML3D that play too fast.

**Splits**: the lists of the data set where there are any, else ``--shares 0.9 0.05 0.05`` of the takes by a hash of
their names, which stays as it is when takes are added. All clips of a take, its mirror image ("M012314") and the same
take in another format stay in one split. Where it can be, no split stays empty.

**What comes out** in ``DATA``: ``clips.npz`` and ``captions.jsonl``, which every stage of the training reads;
``statistics.npz`` (mean and std of the 263 features over the train split); ``report.json``; ``sheet.png``, stick
figures of ``--pictures`` clips; and ``takes``, the finished takes. The work is shared by ``--jobs`` processes.
Interrupted by Ctrl-C, a full disk or a power cut, the same command goes on with the takes that are not done; takes
whose files, captions and options are unchanged are not done again. When a run is complete, ``takes`` may be deleted.

Prepared sets are made into one with ``python -m training.prepare.merge SET SET --out DATA``.

How exact: CMU's takes 02_01 and 16_15 from their .asf and .amc files come to 0.6 and 0.7 cm (mean distance of all
joints) of the same takes in the training data of the default model (``python -m tests.benchmarks.prepare_reference``);
a motion written as .bvh by ``gaitway`` comes back to 0.1 mm, levelling aside. Files whose rest pose is no standing
human (all bones along one axis) are measured from the straightest frame of the take instead, to some 3 cm.
"""
