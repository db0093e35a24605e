"""Limits of platforms, and the user's own budgets under them."""

from edgefn.limits.budgets import Budgets
from edgefn.limits.enforcement import Enforcement, loosened
from edgefn.limits.profile import Limit, Profile, load_profile, loosest, profile_names, tighten

__all__ = [
    "Budgets",
    "Enforcement",
    "Limit",
    "Profile",
    "load_profile",
    "loosened",
    "loosest",
    "profile_names",
    "tighten",
]
