# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers by which feet are planned, in one place: a test or a tool passes others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FootPlannerParams:
    """Units are in the names: ``_m`` metres, ``_mps`` metres a second, ``_frames`` of 1/20 s. Toes, ankles and pelvis
    are joints; the floor is at height 0. Pairs are for a walk and a run, or for the two ends of a range.

    Costs are in frames times square metres, the unit of a stance's squared distance from the path it is taken from.
    """

    # A walk and a run
    walk_min_mps: float = 0.6  # slower bodies stand
    run_mps: tuple[float, float] = (1.8, 2.4)  # of the hips; between these a walk becomes a run
    speed_window_frames: int = 5  # on either side, over which a speed is measured
    upright_pelvis_m: float = 0.8  # a lower pelvis may belong to a body that sits or lies

    # Swings (step_costs.py)
    step_cost: float = 0.5  # of each swing
    swing_min_frames: int = 6
    swing_long_frames: int = 10  # of a swing near the floor; longer ones cost
    swing_long_cost: float = 0.06  # of each frame more
    swing_fast_mps: float = 4.5  # faster ones cost, unless
    swing_fast_ratio: float = 1.7  # they are at most so many times as fast as the hips
    swing_fast_cost: float = 0.5  # of each metre a second more
    run_swing_min_frames: int = 7  # shorter ones cost in a run
    run_swing_short_cost: float = 0.2  # of each frame missing
    rest_max_mps: float = 0.35  # a slower foot rests
    rest_cost: float = 0.1  # of a frame at rest in a swing
    drag_toe_m: float = 0.08  # a lower toe drags over the floor
    drag_cost: float = 0.04  # of a frame of dragging
    belief_cost: float = 0.02  # of a frame of swing in which the model believes in contact
    flight_cost: float = 0.25  # of a frame in which both feet swing near the floor
    run_flight_ratio: float = 0.1  # of that cost in a run

    # Stances (step_costs.py)
    stance_min_frames: int = 3
    stance_max_frames: int = 200
    high_toe_m: float = 0.10  # a foot that moves with its toe higher up does not stand
    high_cost: float = 60.0  # of a square metre more
    high_full_mps: float = 0.5  # from this speed of the foot on; less at lower ones
    least_frames: int = 6  # on either side, in which the least speed and height of a foot are looked for
    faster_mps: float = 0.25  # a foot that is faster by more than this swings; standing so costs
    faster_cost: float = 0.5  # of the square of a metre a second more
    raised_m: tuple[float, float] = (0.03, 0.07)  # a foot that is higher by more than the first swings, as does
    raised_cost: float = 60.0  # one that does not move ahead; standing so costs, of a square metre more
    own_swing_max_cost: float = 0.5  # of both together
    # Over the ground from under the hip to a standing toe, at most; the motion may have it up to the second.
    stance_reach_m: tuple[float, float] = (0.4, 0.48)
    stance_reach_cost: float = 30.0  # of a square metre more
    controlled_stance_cost: float = 10.0  # of a frame in which a control has the foot
    frozen_move_mps: float = 0.8  # a foot that is faster in frozen frames swings there
    brake_frames: int = 4  # it takes to stand still
    frozen_cost: float = 1.0  # of a frame against what frozen frames or a pin show
    planning_rounds: int = 2  # each foot is planned so often, knowing the other one's swings
    cost_decimals: int = 9
    border_frames: int = 2  # by which a stance may also begin and end earlier and later
    border_cost: float = 0.005  # more costs as much as to be taken a third as much
    contact_share: float = 0.9  # of a frame in a stance, from which the foot is told to be in contact

    # Positions of stances (foot_paths.py)
    toe_height_m: tuple[float, float] = (0.005, 0.03)  # of a toe that stands on the floor, in captured motion
    floor_toe_m: float = 0.12  # a standing toe lower than this belongs nearer to the floor, else it is on something
    roll_toe_m: float = 0.015  # by which a toe rises and sinks while it stands, at most
    flat_ankle_m: tuple[float, float] = (0.09, 0.13)  # a lower ankle has its heel on the floor, a higher one not
    rest_share_mps: float = 0.2  # a stance is where the foot is when it is slower
    made_mps: tuple[float, float] = (0.15, 0.4)  # of a foot when it is slow: from here on it did not stand, it glided
    pin_max_frames: int = 2  # hints of a foot in so few frames in a row are a pin, not a path
    extension_frames: int = 32  # for which a motion is thought to go on beyond its ends
    end_speed_frames: int = 4  # that say how fast

    # Paths of swings (foot_paths.py)
    clear_m: float = 0.063  # height of a toe in its swing, at least
    clear_exponent: float = 0.3  # below 1 the toe leaves the floor steeply
    clearance_m: tuple[float, float] = (0.075, 0.25)  # the same two of a foot that glided, in a walk and a run
    lift_exponent: tuple[float, float] = (0.5, 1.0)
    lift_blend_m: float = 0.004  # over which a swing's own height and the least one go over into each other
    vertical_frames: int = 1  # at both ends of a swing, in which the toe only goes up or down, if it is as low as
    held_toe_m: tuple[float, float] = (0.04, 0.055)  # this; less above the first height, not above the second;
    held_made_m: tuple[float, float] = (0.05, 0.06)  # the same of a foot that glided
    follow_weight: float = 1e-3  # of keeping to the motion, beside the bending of a swing
    follow_height_weight: float = 0.03  # the same of its height
    stand_weight: float = 1e3  # of standing still, beside the same
    leg_reach_m: tuple[float, float] = (0.93, 0.96)  # from hip to toe, at most; the motion may have it up to the second
    ground_reach_min_m: float = 0.3  # over the ground of a leg under a high hip

    # Feet under the body (footprints.py, feet_under_body.py)
    stop_rest_mps: tuple[float, float] = (0.3, 1.0)  # of a body that has stopped, and of one that goes on
    stop_balance_m: tuple[float, float] = (0.10, 0.30)  # over the ground from the feet to the pelvis of each
    stop_step_frames: int = 14  # in which feet come under a body that stops
    stop_window_frames: int = 60  # after which it has stopped for long
    stride_frames: int = 12  # on either side, over which the feet's position is averaged
    trail_m: float = 0.15  # over the ground from that average to the pelvis, at most
    carried_toe_m: float = 0.3  # the lower toe of a body that its feet carry, at most
    glide_mps: tuple[float, float] = (0.3, 0.6)  # of the slower foot when it is slowest: from here on feet glide
    glide_share: tuple[float, float] = (0.3, 0.7)  # of the time: from here on what is too far is made up for

    # Stepping over what lies low (step_over.py)
    low_obstacle_m: float = 0.4  # the highest top, with its margin, that is stepped over
    swing_clearance_m: float = 0.05  # of swinging feet above it
    stance_clearance_m: float = 0.01  # of feet that stand on it
    scan_step_m: float = 0.01  # between the heights at which it is looked for
    foot_radius_m: float = 0.14  # around the toe, that a foot takes up
    map_cell_m: float = 0.04  # between the spots of the map of where feet can stand
    map_max_cells: int = 40_000  # a larger map is coarser
    footprint_shift_m: float = 0.5  # by which a footprint is moved, at most
    raise_early_frames: int = 2  # by which a foot is up before it is over an obstacle


FOOT_PARAMS = FootPlannerParams()
