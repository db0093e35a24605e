"""Whether the limits of the platforms are recent enough to be believed."""

from datetime import UTC, date, datetime

from edgefn.doctor.diagnosis import Diagnosis
from edgefn.limits import load_profile, profile_names

__all__ = ["diagnose"]

MAX_AGE_DAYS = 180


def diagnose(today: date | None = None) -> Diagnosis:
    """Compare each profile's date of review with today (UTC)."""
    now = today or datetime.now(UTC).date()
    ages = {name: (now - load_profile(name).date).days for name in profile_names()}
    old = [f"{name} ({days} days)" for name, days in ages.items() if days > MAX_AGE_DAYS]
    if old:
        message = f"limits last reviewed more than {MAX_AGE_DAYS} days ago: {', '.join(old)}"
        return Diagnosis("limits profiles", "warn", message, "pip install --upgrade edgefn")
    return Diagnosis("limits profiles", "ok", f"{len(ages)} profiles, the oldest {max(ages.values())} days old", "")
