"""History: the profile of a window, and what is unusual about it beside the windows before.

`build_profile` (or `ProfileBuilder`, chunk by chunk) measures a window; `judge_window` compares it with the
history in a store, returns findings and adds the window to that history.
Belongs here: measuring, storing and judging windows. Does not: rules of single rows (`validation/`), what a
finding blocks (`orchestration/`).
"""

from data_pipeline.validation.history.build import ProfileBuilder, build_profile
from data_pipeline.validation.history.finding import Finding, Severity
from data_pipeline.validation.history.history import Acceptance, ProfileHistory, settle
from data_pipeline.validation.history.judge import find_in_window, judge_window
from data_pipeline.validation.history.open_errors import open_errors
from data_pipeline.validation.history.orders import orders_of
from data_pipeline.validation.history.profile import Profile, Window
from data_pipeline.validation.history.store import (
    add_acceptance,
    add_orders,
    load_history,
    load_orders,
    read_profile,
    save_orders,
    save_profile,
)

__all__ = [
    "Acceptance",
    "Finding",
    "Profile",
    "ProfileBuilder",
    "ProfileHistory",
    "Severity",
    "Window",
    "add_acceptance",
    "add_orders",
    "build_profile",
    "find_in_window",
    "judge_window",
    "load_history",
    "load_orders",
    "open_errors",
    "orders_of",
    "read_profile",
    "save_orders",
    "save_profile",
    "settle",
]
