"""Limits of platforms, and the user's own budgets under them."""

from edgefn.limits.budgets import Budgets, tighten
from edgefn.limits.difference import Comparison, Difference, compare_profiles
from edgefn.limits.enforcement import Enforcement, loosened
from edgefn.limits.limit import Absent, Entry, Limit
from edgefn.limits.profile import Overview, Profile, load_profile, loosest, overview, profile_names, profiles_of

__all__ = [
    "Absent",
    "Budgets",
    "Comparison",
    "Difference",
    "Enforcement",
    "Entry",
    "Limit",
    "Overview",
    "Profile",
    "compare_profiles",
    "load_profile",
    "loosened",
    "loosest",
    "overview",
    "profile_names",
    "profiles_of",
    "tighten",
]
