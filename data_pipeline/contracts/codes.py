"""International code lists, from pycountry (ISO's lists as Debian keeps them).

Belongs here: which codes count as assigned or active. Does not: which fields hold them (`catalogue.py`).
"""

from __future__ import annotations

from functools import cache

CODE_LISTS = ("iso_3166_1_alpha_2", "iso_4217")


@cache
def codes_of(name: str) -> frozenset[str]:
    """The codes of a list: assigned country codes, or active currency codes that are no X-code (gold, tests, funds)."""
    import pycountry

    if name == "iso_3166_1_alpha_2":
        return frozenset(country.alpha_2 for country in pycountry.countries)
    return frozenset(currency.alpha_3 for currency in pycountry.currencies if not currency.alpha_3.startswith("X"))
