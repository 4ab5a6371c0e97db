"""The facts that the catalogue's data must hold, whatever kinds it has.

Law: nothing here names a kind's properties, except where the fact is about that one property.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from reconciler.kinds.catalogue import HERE, Kind, Property, Record, load

CATALOGUE = load()
#: Kinds and shared types, by name.
RECORDS: dict[str, Record] = {**CATALOGUE.kinds, **CATALOGUE.types}


def walk(name: str, record: Record) -> Iterator[tuple[str, Property]]:
    """Yield every property of a record with its path, such as `MtaRoute#Relay.port`."""
    for key, prop in record.properties.items():
        yield f"{name}.{key}", prop
    for variant_name, variant in record.variants.items():
        for key, prop in variant.properties.items():
            yield f"{name}#{variant_name}.{key}", prop


PROPERTIES: dict[str, Property] = {path: prop for name, record in RECORDS.items() for path, prop in walk(name, record)}


def descriptions() -> dict[str, str]:
    """Return every description of the catalogue by its path."""
    texts = {path: prop.description for path, prop in PROPERTIES.items()}
    for name, record in RECORDS.items():
        texts[name] = record.description
        texts |= {f"{name}#{variant}": value.description for variant, value in record.variants.items()}
    return texts


def unfit(prop: Property, value: object, path: str) -> list[str]:
    """Return what a wire value has that its property does not allow."""
    if value is None:
        return [] if prop.nullable else [f"{path}: null"]
    if prop.type in ("integer", "size", "duration"):
        least = prop.min if prop.min is not None else int(prop.type == "duration")
        most = prop.max if prop.max is not None else 2**63
        fits = type(value) is int and least <= value <= most
    elif prop.type == "boolean":
        fits = type(value) is bool
    elif prop.type == "enum":
        fits = value in prop.values
    elif prop.type in ("string", "reference"):
        most = prop.max_bytes if prop.max_bytes is not None else 2**63
        fits = isinstance(value, str) and 1 <= len(value.encode()) <= most
    else:
        return unfit_members(prop, value, path)
    return [] if fits else [f"{path}: {value!r}"]


def unfit_members(prop: Property, value: object, path: str) -> list[str]:
    """Return what is wrong in a wire object, list, set or map, and in what it holds."""
    if not isinstance(value, dict):
        return [f"{path}: {value!r}"]
    if prop.type == "object":
        empty_text = prop.language is not None and prop.language.empty and value == {"match": {}, "else": ""}
        return [] if empty_text else unfit_object(CATALOGUE.types[prop.of], value, path)
    found = [f"{path}: fewer than {prop.min_items}"] if len(value) < prop.min_items else []
    for key, member in value.items():
        if prop.type == "list":
            found += [] if key.isdecimal() else [f"{path}/{key}: no index"]
            found += unfit_object(CATALOGUE.types[prop.of], member, f"{path}/{key}")
        elif prop.type == "set":
            found += [] if member is True and (not prop.values or key in prop.values) else [f"{path}/{key}: {member!r}"]
        else:
            found += [] if isinstance(member, str) and member else [f"{path}/{key}: {member!r}"]
    return found


def unfit_object(record: Record, value: dict[str, Any], path: str) -> list[str]:
    """Return what is wrong in a wire object of a record: unknown, missing and unfit properties."""
    variant = value.get("@type", "")
    if (variant in record.variants) != bool(record.variants):
        return [f"{path}/@type: {variant!r}"]
    shape = record.shape(variant)
    found = [f"{path}/{key}: missing" for key, prop in shape.items() if prop.required and key not in value]
    for key, member in value.items():
        if key in shape:
            found += unfit(shape[key], member, f"{path}/{key}")
        elif key != "@type":
            found.append(f"{path}/{key}: unknown")
    return found


def test_every_kind_of_the_mta_is_loaded_from_a_file_of_its_own_name() -> None:
    names = [
        *("MtaConnectionStrategy", "MtaDeliverySchedule", "MtaExtensions", "MtaHook", "MtaInboundSession"),
        *("MtaInboundThrottle", "MtaMilter", "MtaOutboundStrategy", "MtaOutboundThrottle", "MtaQueueQuota", "MtaRoute"),
        *("MtaStageAuth", "MtaStageConnect", "MtaStageData", "MtaStageEhlo", "MtaStageMail", "MtaStageRcpt"),
        *("MtaSts", "MtaTlsStrategy", "MtaVirtualQueue"),
    ]

    assert list(CATALOGUE.kinds) == names
    assert sorted(path.stem for path in (HERE / "kinds").iterdir()) == names


def test_no_two_kinds_share_a_name() -> None:
    names = [json.loads(path.read_bytes())["kind"] for path in (HERE / "kinds").iterdir()]

    assert sorted(names) == sorted(set(names))


def test_no_kind_shares_its_name_with_a_shared_type() -> None:
    assert sorted(CATALOGUE.kinds.keys() & CATALOGUE.types.keys()) == []


def test_every_description_is_one_line_of_plain_ascii_that_ends_with_a_full_stop() -> None:
    wrong = {
        path: text for path, text in descriptions().items() if not re.fullmatch(r"[!-~](?: ?[!-~])*\.", text, re.ASCII)
    }

    assert wrong == {}


def test_descriptions_have_no_markdown_but_backticks() -> None:
    prose = {path: re.sub("`[^`]*`", "", text) for path, text in descriptions().items()}

    assert {path: text for path, text in prose.items() if set(text) & set("*_<>|#[]")} == {}


def test_every_description_closes_its_backticks() -> None:
    assert {path: text for path, text in descriptions().items() if text.count("`") % 2} == {}


def test_every_value_of_an_enum_or_set_is_explained_in_its_description() -> None:
    unexplained = {
        path: [value for value in prop.values if f"`{value}`" not in prop.description]
        for path, prop in PROPERTIES.items()
    }

    assert {path: values for path, values in unexplained.items() if values} == {}


def test_every_default_fits_its_own_property() -> None:
    found = [
        problem
        for path, prop in PROPERTIES.items()
        if prop.default is not UNSET and not prop.required
        for problem in unfit(prop, prop.default, path)
    ]

    assert found == []


def test_a_property_is_required_despite_a_default_only_where_the_server_refuses_that_default() -> None:
    refused = {
        path: unfit(prop, prop.default, path)
        for path, prop in PROPERTIES.items()
        if prop.required and prop.default is not UNSET
    }

    assert refused == {
        "MtaInboundThrottle.rate": ["MtaInboundThrottle.rate/count: 0", "MtaInboundThrottle.rate/period: 0"],
        "MtaOutboundThrottle.rate": ["MtaOutboundThrottle.rate/count: 0", "MtaOutboundThrottle.rate/period: 0"],
        "Rate.count": ["Rate.count: 0"],
        "Rate.period": ["Rate.period: 0"],
    }


def test_every_property_is_required_or_has_a_default() -> None:
    assert [path for path, prop in PROPERTIES.items() if not prop.required and prop.default is UNSET] == []


def test_every_nullable_property_defaults_to_null() -> None:
    assert {path: prop.default for path, prop in PROPERTIES.items() if prop.nullable and prop.default is not None} == {}


@pytest.mark.parametrize(
    ("prop", "value", "problem"),
    [
        (Property(type="integer"), True, "x: True"),
        (Property(type="integer"), 1.0, "x: 1.0"),
        (Property(type="integer", min=1), 0, "x: 0"),
        (Property(type="integer", max=65535), 65536, "x: 65536"),
        (Property(type="size"), -1, "x: -1"),
        (Property(type="duration"), 0, "x: 0"),
        (Property(type="duration"), "5m", "x: '5m'"),
        (Property(type="boolean"), 1, "x: 1"),
        (Property(type="enum", values=("v2", "v6")), "V6", "x: 'V6'"),
        (Property(type="string"), "", "x: ''"),
        (Property(type="string"), None, "x: null"),
        (Property(type="string", max_bytes=8), "too-long-", "x: 'too-long-'"),
        (Property(type="set", values=("data",)), ["data"], "x: ['data']"),
        (Property(type="set", values=("data",)), {"eom": True}, "x/eom: True"),
        (Property(type="set", min_items=1), {}, "x: fewer than 1"),
        (Property(type="map"), {"X-A": ""}, "x/X-A: ''"),
        (Property(type="list", of="ExpressionMatch"), {"0": {"if": "true"}}, "x/0/then: missing"),
        (Property(type="object", of="Expression"), {"match": {}, "else": ""}, "x/else: ''"),
        (Property(type="object", of="Expression"), {"else": "true", "or": "false"}, "x/or: unknown"),
        (Property(type="object", of="SecretKey"), {"secret": "x"}, "x/@type: ''"),
        (Property(type="object", of="SecretKey"), {"@type": "None"}, "x/@type: 'None'"),
    ],
)
def test_a_value_that_its_property_does_not_allow_is_found(prop: Property, value: object, problem: str) -> None:
    assert unfit(prop, value, "x") == [problem]


def test_every_object_and_list_is_of_a_shared_type_and_nothing_else_is() -> None:
    names = {path: prop.of for path, prop in PROPERTIES.items() if prop.of or prop.type in ("object", "list")}

    assert {path: name for path, name in names.items() if name not in CATALOGUE.types} == {}
    assert {PROPERTIES[path].type for path in names} == {"object", "list"}


def test_every_reference_leads_to_a_kind_that_names_its_objects() -> None:
    names = {path: prop.to for path, prop in PROPERTIES.items() if prop.to or prop.type == "reference"}

    assert names == {"MtaDeliverySchedule.queueId": "MtaVirtualQueue"}
    assert {CATALOGUE.kinds[name].match for name in names.values()} == {("name",)}


def test_only_enums_and_sets_list_their_values() -> None:
    assert {prop.type for prop in PROPERTIES.values() if prop.values} == {"enum", "set"}
    assert [path for path, prop in PROPERTIES.items() if prop.type == "enum" and not prop.values] == []


def test_exactly_the_expressions_have_a_language() -> None:
    with_language = {path for path, prop in PROPERTIES.items() if prop.language is not None}

    assert with_language == {path for path, prop in PROPERTIES.items() if prop.of == "Expression"}


def test_every_language_uses_known_variables_and_constants() -> None:
    unknown = {
        path: (prop.language.variables, prop.language.constants)
        for path, prop in PROPERTIES.items()
        if prop.language is not None
        and (
            prop.language.variables not in CATALOGUE.variables
            or not set(prop.language.constants) <= set(CATALOGUE.constants)
        )
    }

    assert unknown == {}


def test_the_outbound_strategy_names_objects_of_four_kinds() -> None:
    languages = {path: prop.language for path, prop in PROPERTIES.items() if prop.language and prop.language.names}

    assert {path: (language.names, language.builtins) for path, language in languages.items()} == {
        "MtaOutboundStrategy.connection": ("MtaConnectionStrategy", ("default",)),
        "MtaOutboundStrategy.route": ("MtaRoute", ("mx", "local")),
        "MtaOutboundStrategy.schedule": ("MtaDeliverySchedule", ("default",)),
        "MtaOutboundStrategy.tls": ("MtaTlsStrategy", ("default",)),
    }
    assert {CATALOGUE.kinds[language.names].match for language in languages.values()} == {("name",)}


def test_every_object_of_a_collection_has_a_match_key_and_a_singleton_has_none() -> None:
    assert {name: kind.match for name, kind in CATALOGUE.kinds.items() if kind.singleton == bool(kind.match)} == {}


@pytest.mark.parametrize("kind", CATALOGUE.kinds.values(), ids=CATALOGUE.kinds.keys())
def test_every_match_key_is_common_to_all_variants_and_never_without_a_value(kind: Kind) -> None:
    lacking = [
        key
        for key in kind.match
        if key not in kind.properties
        or not (kind.properties[key].required or kind.properties[key].default is not UNSET)
    ]

    assert lacking == []


@pytest.mark.parametrize("kind", CATALOGUE.kinds.values(), ids=CATALOGUE.kinds.keys())
def test_unique_filters_and_label_are_properties_common_to_all_variants(kind: Kind) -> None:
    named = {*kind.unique, *kind.filters, *([kind.label] if kind.label else [])}

    assert named - kind.properties.keys() == set()


def test_a_short_form_stands_for_the_only_property_that_may_not_be_left_out() -> None:
    short = {name: record for name, record in RECORDS.items() if record.short}
    others = {
        name: [key for key, prop in record.properties.items() if prop.required and key != record.short]
        for name, record in short.items()
    }

    assert {name: record.short for name, record in short.items()} == {
        "MtaConnectionIpHost": "sourceIp",
        "MtaDeliveryScheduleInterval": "duration",
    }
    assert others == {"MtaConnectionIpHost": [], "MtaDeliveryScheduleInterval": []}


def test_limits_leave_room_for_a_value() -> None:
    crossed = {
        path: (prop.min, prop.max)
        for path, prop in PROPERTIES.items()
        if prop.min is not None and prop.max is not None and prop.min > prop.max
    }

    assert crossed == {}


def test_the_only_sensitive_properties_are_secrets_given_by_value() -> None:
    assert [path for path, prop in PROPERTIES.items() if prop.sensitive] == [
        "SecretKey#Value.secret",
        "SecretKeyOptional#Value.secret",
    ]


def test_only_the_host_name_of_a_milter_is_resolved_at_a_reload() -> None:
    assert [path for path, prop in PROPERTIES.items() if prop.resolved] == ["MtaMilter.hostname"]


def test_names_and_the_descriptions_that_serve_as_keys_are_fixed_once_created() -> None:
    assert [path for path, prop in PROPERTIES.items() if prop.mutability != "mutable"] == [
        "MtaConnectionStrategy.name",
        "MtaDeliverySchedule.name",
        "MtaInboundThrottle.description",
        "MtaQueueQuota.description",
        "MtaRoute.name",
        "MtaTlsStrategy.name",
        "MtaVirtualQueue.name",
    ]


def test_a_variant_has_its_own_properties_first_as_the_server_lists_them() -> None:
    route = CATALOGUE.kinds["MtaRoute"]

    assert list(route.shape("Mx")) == ["ipLookupStrategy", "maxMultihomed", "maxMxHosts", "name", "description"]
    assert list(route.shape("Local")) == ["name", "description"]


def test_an_unknown_variant_has_no_shape() -> None:
    with pytest.raises(KeyError):
        CATALOGUE.kinds["MtaRoute"].shape("Pigeon")


@pytest.mark.parametrize("kind", CATALOGUE.kinds.values(), ids=CATALOGUE.kinds.keys())
def test_shipped_objects_hold_only_known_properties_with_values_that_fit(kind: Kind) -> None:
    found = [problem for place, shipped in enumerate(kind.ships) for problem in unfit_object(kind, shipped, str(place))]

    assert found == []


def test_shipped_objects_refer_to_shipped_objects() -> None:
    names = {name: [shipped.get("name") for shipped in kind.ships] for name, kind in CATALOGUE.kinds.items()}
    dangling = [
        (name, key, shipped[key])
        for name, kind in CATALOGUE.kinds.items()
        for shipped in kind.ships
        for key, prop in kind.shape(shipped.get("@type", "")).items()
        if prop.to and shipped[key] not in names[prop.to]
    ]

    assert dangling == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "MtaPigeon", "colour": "grey"}, "Object contains unknown field `colour`"),
        (
            {"kind": "MtaPigeon", "properties": {"speed": {"type": "integer", "minimum": 1}}},
            "Object contains unknown field `minimum` - at `$.properties[...]`",
        ),
        (
            {"kind": "MtaPigeon", "properties": {"speed": {"type": "float"}}},
            "Invalid enum value 'float' - at `$.properties[...].type`",
        ),
        (
            {"kind": "MtaPigeon", "variants": {"Homing": {"loft": "north"}}},
            "Object contains unknown field `loft` - at `$.variants[...]`",
        ),
        ({"singleton": True}, "Object missing required field `kind`"),
    ],
)
def test_a_kind_file_that_uses_an_unknown_word_is_refused(
    content: dict[str, object], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "MtaPigeon.json"
    file.write_text(json.dumps(content))

    with pytest.raises(msgspec.ValidationError) as refusal:
        msgspec.json.decode(file.read_bytes(), type=Kind)

    assert str(refusal.value) == message
