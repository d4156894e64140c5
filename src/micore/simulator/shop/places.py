"""Where the shop's goods lie: Ozon's warehouses by cluster, the seller's warehouses, and the Wildberries pool."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """Who holds the goods, for which marketplace."""

    OZON_FBO = 0
    OZON_FBS = 1
    OZON_RFBS = 2
    WB_OWN = 3
    WB_SELLER = 4


@dataclass(frozen=True)
class Cluster:
    """A delivery region of Ozon."""

    cluster_id: int
    macrolocal_id: int
    name: str
    cities: tuple[str, ...]
    region: str


@dataclass(frozen=True)
class Place:
    """One warehouse. `cluster` is a position in CLUSTERS; `weight` is its share of the demand of its kind."""

    place_id: int
    name: str
    kind: Kind
    cluster: int
    weight: float
    address: str = ""
    latitude: float = 0.0
    longitude: float = 0.0


CLUSTERS: tuple[Cluster, ...] = (
    Cluster(154, 4039, "Москва, МО и Дальние регионы", ("Москва", "Химки", "Подольск", "Тверь"), "Московская область"),
    Cluster(2, 4007, "Санкт-Петербург и СЗО", ("Санкт-Петербург", "Псков", "Мурманск"), "Ленинградская область"),
    Cluster(149, 4011, "Казань", ("Казань", "Чебоксары", "Набережные Челны"), "Республика Татарстан"),
    Cluster(144, 4017, "Екатеринбург", ("Екатеринбург", "Пермь", "Челябинск"), "Свердловская область"),
    Cluster(150, 4021, "Новосибирск", ("Новосибирск", "Томск", "Барнаул"), "Новосибирская область"),
    Cluster(17, 4026, "Ростов", ("Ростов-на-Дону", "Таганрог", "Волгоград"), "Ростовская область"),
    Cluster(147, 4031, "Краснодар", ("Краснодар", "Сочи", "Майкоп"), "Краснодарский край"),
    Cluster(7, 4045, "Дальний Восток", ("Хабаровск", "Владивосток"), "Хабаровский край"),
)

PLACES: tuple[Place, ...] = (
    Place(22655170176000, "ХОРУГВИНО_РФЦ", Kind.OZON_FBO, 0, 0.19),
    Place(23843917228000, "ЖУКОВСКИЙ_РФЦ", Kind.OZON_FBO, 0, 0.11),
    Place(1020000039316000, "ПУШКИНО_2_РФЦ", Kind.OZON_FBO, 0, 0.08),
    Place(18044249781000, "ТВЕРЬ_РФЦ", Kind.OZON_FBO, 0, 0.05),
    Place(1020000177886000, "СПБ_ШУШАРЫ_РФЦ", Kind.OZON_FBO, 1, 0.10),
    Place(1020000625106000, "СПБ_КОЛПИНО_РФЦ", Kind.OZON_FBO, 1, 0.05),
    Place(19306733425000, "КАЗАНЬ_РФЦ_НОВЫЙ", Kind.OZON_FBO, 2, 0.09),
    Place(23902289166000, "ЕКАТЕРИНБУРГ_РФЦ_НОВЫЙ", Kind.OZON_FBO, 3, 0.08),
    Place(1020002053116000, "ПЕРМЬ_РФЦ", Kind.OZON_FBO, 3, 0.03),
    Place(23843917216000, "НОВОСИБИРСК_РФЦ_НОВЫЙ", Kind.OZON_FBO, 4, 0.07),
    Place(15431806189000, "РОСТОВ_НА_ДОНУ_РФЦ", Kind.OZON_FBO, 5, 0.05),
    Place(1020000178044000, "ВОЛГОГРАД_МРФЦ", Kind.OZON_FBO, 5, 0.02),
    Place(1020000115166000, "АДЫГЕЙСК_РФЦ", Kind.OZON_FBO, 6, 0.05),
    Place(18044253169000, "ХАБАРОВСК_2_РФЦ", Kind.OZON_FBO, 7, 0.03),
    Place(
        1020001314872000,
        "Склад Софьино",
        Kind.OZON_FBS,
        0,
        0.55,
        "Россия, Московская область, Софьино, промзона ССТ, к2",
        55.495093,
        38.172731,
    ),
    Place(
        1020001598103000,
        "Склад Шушары",
        Kind.OZON_FBS,
        1,
        0.30,
        "Россия, Санкт-Петербург, Шушары, Московское шоссе, 161",
        59.801642,
        30.391557,
    ),
    Place(
        1020002247791000,
        "Магазин на Бауманской (rFBS)",
        Kind.OZON_RFBS,
        0,
        0.15,
        "Россия, Москва, ул. Бауманская, 33/2",
        55.771899,
        37.678571,
    ),
    Place(-999999, "Склад WB", Kind.WB_OWN, 0, 1.0),
    Place(
        836114,
        "Склад Софьино WB",
        Kind.WB_SELLER,
        0,
        0.65,
        "Московская область, Софьино, промзона ССТ, к2",
        55.495093,
        38.172731,
    ),
    Place(
        941507,
        "Склад Шушары WB",
        Kind.WB_SELLER,
        1,
        0.35,
        "Санкт-Петербург, Шушары, Московское шоссе, 161",
        59.801642,
        30.391557,
    ),
)

BY_ID: dict[int, int] = {place.place_id: position for position, place in enumerate(PLACES)}


def positions(*kinds: Kind) -> list[int]:
    """Positions in PLACES of the places of these kinds."""
    return [position for position, place in enumerate(PLACES) if place.kind in kinds]


OZON_FBO = positions(Kind.OZON_FBO)
OZON_FBS = positions(Kind.OZON_FBS)
OZON_RFBS = positions(Kind.OZON_RFBS)
OZON_SELLER = positions(Kind.OZON_FBS, Kind.OZON_RFBS)
WB_POOL = positions(Kind.WB_OWN)
WB_SELLER = positions(Kind.WB_SELLER)
