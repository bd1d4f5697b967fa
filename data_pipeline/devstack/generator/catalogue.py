"""The made-up shop: products, countries, devices, pages, searches, campaigns.

Belongs here: plain data. Does not: choosing from it or rendering it (`pools.py`, `orders.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

EVENT_TYPES = (
    "page_view",
    "screen_view",
    "click",
    "search",
    "add_to_cart",
    "checkout_start",
    "purchase",
    "refund",
    "sign_up",
    "login",
)
PAGE_VIEW, SCREEN_VIEW, CLICK, SEARCH, ADD_TO_CART, CHECKOUT, PURCHASE, REFUND, SIGN_UP, LOGIN = range(10)


@dataclass(frozen=True)
class Currency:
    """A currency, what a pound costs in it, and its digits after the point."""

    code: str
    per_pound: float
    digits: int
    tax_percent: int


CURRENCIES = (
    Currency("EUR", 1.15, 2, 19),
    Currency("GBP", 1.0, 2, 20),
    Currency("USD", 1.25, 2, 8),
    Currency("JPY", 190.0, 0, 10),
    Currency("CHF", 1.12, 2, 8),
    Currency("BRL", 6.4, 2, 17),
    Currency("INR", 105.0, 2, 18),
    Currency("AED", 4.6, 2, 5),
)
_CURRENCY_NUMBERS = {currency.code: number for number, currency in enumerate(CURRENCIES)}

COUNTRIES: tuple[tuple[str, str, str, int], ...] = (
    ("GB", "en-GB", "GBP", 20),
    ("DE", "de-DE", "EUR", 18),
    ("US", "en-US", "USD", 16),
    ("FR", "fr-FR", "EUR", 9),
    ("JP", "ja", "JPY", 8),
    ("IN", "hi-IN", "INR", 7),
    ("BR", "pt-BR", "BRL", 6),
    ("ES", "es-ES", "EUR", 4),
    ("CH", "de-CH", "CHF", 3),
    ("AE", "ar-AE", "AED", 3),
    ("PT", "pt-PT", "EUR", 2),
    ("IE", "en-IE", "EUR", 2),
    ("AT", "de-AT", "EUR", 2),
)
"""Country, locale, currency and weight."""


def currency_number(code: str) -> int:
    """Position in `CURRENCIES`."""
    return _CURRENCY_NUMBERS[code]


WEB_AGENTS: tuple[tuple[str, str, str, int], ...] = (
    (
        "windows",
        "desktop",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
        34,
    ),
    ("windows", "desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:123.0) Gecko/20100101 Firefox/123.0", 8),
    (
        "macos",
        "desktop",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
        14,
    ),
    ("linux", "desktop", "Mozilla/5.0 (X11; Linux x86_64; rv:123.0) Gecko/20100101 Firefox/123.0", 4),
    (
        "ios",
        "mobile",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.4 Mobile/15E148 Safari/604.1",
        18,
    ),
    (
        "android",
        "mobile",
        "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Mobile Safari/537.36",
        16,
    ),
    (
        "ios",
        "tablet",
        "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
        4,
    ),
    ("other", "bot", "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example/info)", 2),
)
"""Operating system, device, user agent and weight."""

APP_VERSIONS: dict[str, tuple[tuple[str, int], ...]] = {
    "ios": (("5.12.0", 52), ("5.11.3", 24), ("5.11.0", 13), ("5.10.7", 8), ("4.9.21", 3)),
    "android": (("5.12.1", 44), ("5.11.2", 27), ("5.10.9", 16), ("5.9.0", 9), ("4.8.2", 4)),
}
MOBILE_DEVICES = (("mobile", 88), ("tablet", 12))

_ADJECTIVES = (
    "White",
    "Vintage",
    "Red",
    "Small",
    "Large",
    "Antique",
    "Blue",
    "Grüne",
    "Création",
    "木製の",
    "复古",
    "خشبي",
    "Señorial",
    "Hanging",
    "Round",
)
_NOUNS: tuple[tuple[str, str, int], ...] = (
    ("T-light holder", "home", 255),
    ("metal lantern", "lighting", 339),
    ("Tischleuchte", "lighting", 2995),
    ("storage tin", "kitchen", 425),
    ("ランチボックス", "kitchen", 1295),
    ("tea set ☕", "kitchen", 1895),
    ("clock", "home", 1450),
    ("Kissenbezug", "textiles", 895),
    ("jumbo bag", "bags", 208),
    ("colgante", "jewellery", 650),
    ("مصباح", "lighting", 3450),
    ("paper chain kit 🎄", "party", 295),
    ("茶杯", "kitchen", 550),
    ("wall sign", "home", 165),
    ("Gartenstuhl", "garden", 4990),
    ("doormat", "home", 795),
)
PRODUCTS: tuple[tuple[str, str, str | None, int], ...] = tuple(
    (
        f"{20000 + 37 * number}{'ABCDEF'[number % 6] if number % 3 == 0 else ''}",
        f"{adjective} {noun}",
        None if number % 23 == 7 else category,
        pence + 10 * (number % 7),
    )
    for number, (adjective, (noun, category, pence)) in enumerate((adjective, noun) for noun in _NOUNS for adjective in _ADJECTIVES)
)
"""Product id, name, category and price in pence, most wanted first."""

SECTIONS = ("lamps", "kitchen", "garden", "textiles", "gifts", "sale", "新着", "Geschenke-für-Sie", "فوانيس", "cadeaux-de-noël")
TITLES = (
    "Lamps – shop",
    "Küche & Bad",
    "ガーデン 🌿",
    "Textiles",
    "Cadeaux d’été",
    "Sale!",
    "新着商品",
    "Geschenke für Sie",
    "فوانيس",
    "Idées de Noël",
)
SCREENS = (
    "Home",
    "Startseite",
    "商品一覧",
    "Product",
    "Panier",
    "Suche",
    "السلة",
    "Profil",
    "Orders",
    "Wishlist ❤️",
    "Início",
    "Einstellungen",
)
REFERRERS = (None, "https://search.example/", "https://social.example/feed", "https://news.example/deals", "https://shop.example/")
QUERIES = (
    "lamp",
    "café lamp 100 w",
    "t-light holder",
    "Tischleuchte grün",
    "茶杯",
    "ランチ ボックス",
    "مصباح مكتب",
    "cadeau noël",
    "paper chain 🎄",
    "garden chair",
    "jumbo bag red",
    "reloj vintage",
    "São João decoração",
    "NESTLÉ® tin",
    "doormat 40 x 60",
    "wall clock",
    "تی‌لایت",
    "👨‍👩‍👧 gift",
    "5012345678900",
    "hanging heart",
)
FRUITLESS_QUERIES = ("lampe xyz 9000", "undefined", "ghghgh", "無い商品", "left-handed teapot", "lmap", "تست")
ELEMENTS = (
    "add-to-basket",
    "menu",
    "banner-top",
    "filter-price",
    "filter-colour",
    "sort",
    "product-tile",
    "wishlist",
    "newsletter-open",
    "footer-help",
    "zoom-image",
    "size-guide",
    "next-page",
    "language-switch",
    "coupon-open",
    "play-video",
)
CAMPAIGNS: tuple[tuple[str, str | None, str | None], ...] = (
    ("newsletter", "email", "spring"),
    ("newsletter", "email", "frühling-2026"),
    ("search.example", "cpc", "brand"),
    ("search.example", "cpc", "lamps ☀️"),
    ("social.example", "paid_social", "春のセール"),
    ("social.example", "organic", None),
    ("partner", "affiliate", "blog-42"),
    ("push", "push", "cart-reminder"),
    ("qr", None, None),
)
REFUND_REASONS = ("arrived broken", "zu klein", "色が違う", "changed my mind", "doesn’t fit 😕", "مكسور", "ne convient pas", None)
PAYMENT_METHODS = (("card", 58), ("paypal", 24), ("invoice", 10), ("gift_card", 5), ("other", 3))
