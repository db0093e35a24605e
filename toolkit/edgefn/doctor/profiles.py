"""Whether the limits of the platforms are recent enough to be believed."""

from datetime import UTC, date, datetime

from edgefn.doctor.diagnosis import Diagnosis
from edgefn.limits import load_profile, profile_names

__all__ = ["diagnose"]

# Cloudflare changed what its profiles say on 2025-09-11, 2025-10-10, 2026-02-11, 2026-04-09 and 2026-09-04: every 90
# days on average. At that pace a profile of 120 days is out of date three times in four (1 - exp(-120 / 90)).
MAX_AGE_DAYS = 120


def diagnose(today: date | None = None) -> Diagnosis:
    """Compare each profile's date of review with today (UTC). Our own host's is part of this release and has no age."""
    now = today or datetime.now(UTC).date()
    platforms = [p for p in map(load_profile, profile_names()) if p.platform != "node"]
    ages = {p.name: (now - p.date).days for p in platforms}
    old = [f"{name} ({days} days)" for name, days in ages.items() if days > MAX_AGE_DAYS]
    if old:
        message = f"limits last reviewed more than {MAX_AGE_DAYS} days ago: {', '.join(old)}"
        return Diagnosis("limits profiles", "warn", message, "pip install --upgrade edgefn")
    if min(ages.values()) < 0:
        latest = max(p.date for p in platforms)
        message = (
            f"this machine's clock says {now}, before the profiles were reviewed ({latest}): their age is not known"
        )
        return Diagnosis("limits profiles", "warn", message, "set the clock, for example: timedatectl set-ntp true")
    return Diagnosis("limits profiles", "ok", f"{len(ages)} profiles, the oldest {max(ages.values())} days old", "")
