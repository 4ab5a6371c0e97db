"""Which object refers to which by id, and which kinds refer to which."""

from msgspec.structs import replace

from reconciler.kinds import catalogue_of_published, read_pulled
from reconciler.kinds.catalogue import Kind, Property, load
from reconciler.kinds.references import levels, references_in, referring, targets
from reconciler.values.model import Address
from tests.publishing import TEXT, reference, schema

CATALOGUE = load()
STRATEGY = CATALOGUE.kinds["MtaOutboundStrategy"]
SCHEDULE = CATALOGUE.kinds["MtaDeliverySchedule"]


def test_a_reference_by_id_is_told_with_its_pointer() -> None:
    queue = Address("MtaVirtualQueue", "bulk")

    assert list(references_in(CATALOGUE, SCHEDULE, {"name": "s", "queueId": queue})) == [("queueId", queue)]
    assert list(references_in(CATALOGUE, SCHEDULE, {"name": "s"})) == []


def test_the_kinds_that_a_kind_refers_to() -> None:
    assert {name: targets(CATALOGUE, kind) for name, kind in CATALOGUE.kinds.items() if targets(CATALOGUE, kind)} == {
        "MtaDeliverySchedule": {"MtaVirtualQueue"},
        "MtaOutboundStrategy": {"MtaConnectionStrategy", "MtaDeliverySchedule", "MtaRoute", "MtaTlsStrategy"},
    }
    assert referring(load(), SCHEDULE) == (("queueId", "MtaVirtualQueue"),)
    assert referring(load(), STRATEGY) == ()


def test_a_kind_stands_one_above_the_deepest_that_it_refers_to() -> None:
    found = levels(CATALOGUE)

    assert found == {
        **dict.fromkeys(CATALOGUE.kinds, 0),
        "MtaDeliverySchedule": 1,
        "MtaOutboundStrategy": 2,
    }


def test_kinds_that_refer_to_each_other_have_a_level_each() -> None:
    def kind(name: str, to: str) -> Kind:
        return Kind(kind=name, properties={"other": Property(type="reference", to=to)})

    circle = replace(CATALOGUE, kinds={"A": kind("A", "B"), "B": kind("B", "A")})

    assert levels(circle) == {"A": 1, "B": 0}


def test_what_no_catalogue_has_is_no_target() -> None:
    # A server's schema names kinds that this program leaves to others: nobody reads them.
    given = schema({"Gadget": {"key": reference("PublicKey"), "home": reference("Domain")}, "Domain": {"name": TEXT}})
    catalogue = catalogue_of_published(read_pulled(given))

    assert targets(catalogue, catalogue.kinds["Gadget"]) == {"Domain"}
