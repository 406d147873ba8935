"""The time zones that the preferences offer: well-known places, by region."""

from __future__ import annotations

from functools import cache
from typing import Final

from newsletter.subscriptions import parsers

PLACES: Final[dict[str, str]] = {
    "Africa": "Accra Addis_Ababa Algiers Cairo Casablanca Johannesburg Khartoum Lagos Nairobi "
    "Tunis",
    "America": "Anchorage Argentina/Buenos_Aires Bogota Caracas Chicago Denver Halifax Havana "
    "Lima Los_Angeles Mexico_City Montevideo New_York Phoenix Puerto_Rico Santiago Sao_Paulo "
    "St_Johns Toronto Vancouver",
    "Asia": "Almaty Baghdad Bangkok Beirut Dhaka Dubai Ho_Chi_Minh Hong_Kong Jakarta Jerusalem "
    "Kabul Karachi Kathmandu Kolkata Kuala_Lumpur Manila Qatar Riyadh Seoul Shanghai Singapore "
    "Taipei Tashkent Tbilisi Tehran Tokyo Yangon Yerevan",
    "Atlantic": "Azores Canary Cape_Verde Reykjavik",
    "Australia": "Adelaide Brisbane Darwin Hobart Melbourne Perth Sydney",
    "Europe": "Amsterdam Athens Belgrade Berlin Brussels Bucharest Budapest Copenhagen Dublin "
    "Helsinki Istanbul Kyiv Lisbon London Luxembourg Madrid Moscow Oslo Paris Prague Riga Rome "
    "Sofia Stockholm Tallinn Vienna Vilnius Warsaw Zurich",
    "Pacific": "Auckland Fiji Guam Honolulu Port_Moresby Tongatapu",
}

Group = tuple[str, list[tuple[str, str]]]


def common_timezones(chosen: str = "") -> list[Group]:
    """Return a short list of zones by region, as choices of a select, with the one chosen."""
    groups: list[Group] = [
        ("UTC", [("UTC", "UTC")]),
        *((region, [*map(_choice, zones)]) for region, zones in _common().items()),
    ]
    offered = {zone for _, zones in groups for zone, _ in zones}
    if chosen and chosen not in offered:
        groups.insert(0, ("Yours", [(chosen, chosen.replace("_", " "))]))
    return groups


@cache
def _common() -> dict[str, list[str]]:
    known = set(parsers.timezones().values())
    named = {
        region: [f"{region}/{place}" for place in places.split()]
        for region, places in PLACES.items()
    }
    return {region: [zone for zone in zones if zone in known] for region, zones in named.items()}


def _choice(zone: str) -> tuple[str, str]:
    return zone, zone.rpartition("/")[2].replace("_", " ")


@cache
def all_timezones() -> list[Group]:
    """Return all time zones grouped by region, as choices of a select."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in parsers.timezones().values():
        region, slash, place = name.partition("/")
        row = (name, place.replace("_", " ") if slash else name)
        regions.setdefault(region if slash else "Other", []).append(row)
    return sorted(regions.items())
