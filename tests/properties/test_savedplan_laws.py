"""Laws of saved plans and journals, over changes of any shape."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from reconciler.plan.diff import exact
from reconciler.plan.saved import Basis, Fingerprint, load, save
from reconciler.plan.written import pack, unpack
from reconciler.report import Target, members, plan_report
from reconciler.values.model import Address, Change, FieldChange, Left, Phase, Plan, Secret, Sensitive, Source
from tests.states import CATALOGUE

LAW = settings(max_examples=60)

names = st.text(max_size=8)
kinds = st.sampled_from(sorted(CATALOGUE.kinds))
addresses = st.builds(Address, kinds, names, names)
secrets = st.builds(Sensitive, reference=st.sampled_from(["${env:A}", "${file:/run/secrets/b c}"]))
integers = st.integers(-(2**63), 2**63 - 1)
scalars = st.none() | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False) | names
keys = names | st.sampled_from(["$address", "$secret", "$unset", "$object", "$"])
values = st.recursive(
    scalars | addresses | secrets,
    lambda inner: st.dictionaries(keys, inner, max_size=3) | st.lists(inner),
    max_leaves=8,
)
wires = st.dictionaries(keys, values, max_size=3)
fields = st.builds(FieldChange, names, values | st.just(UNSET), values)
sources = st.builds(Source, names, st.integers(0, 99), st.integers(0, 99))


@st.composite
def changes(draw: st.DrawFn) -> Change:
    action = draw(st.sampled_from(("create", "update", "replace", "destroy")))
    return Change(
        action=action,  # type: ignore[arg-type]  # drawn from the four actions
        address=draw(addresses),
        id="" if action == "create" else draw(st.text(min_size=1, max_size=4)),
        patch=draw(wires),
        fields=tuple(draw(st.lists(fields, max_size=2))),
        before=draw(st.none() | wires),
        after=draw(st.none() | wires),
        source=draw(st.none() | sources),
        because=draw(names),
        recreate=draw(st.booleans()),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    drawn = draw(st.lists(changes(), max_size=4))
    work = tuple(msgspec.structs.replace(each, number=number) for number, each in enumerate(drawn))
    cut = draw(st.integers(0, len(work)))
    phases = [Phase(draw(names), work[:cut]), Phase(draw(names), work[cut:])]
    return Plan(
        changes=work,
        phases=tuple(phases),
        unchanged=draw(st.integers(0, 9)),
        undeclared=tuple(draw(st.lists(addresses, max_size=2))),
        unknown=tuple(draw(st.lists(st.builds(Secret, addresses, names), max_size=2))),
        left=tuple(draw(st.lists(st.builds(Left, addresses, names), max_size=2))),
        pairs=tuple(draw(st.lists(st.tuples(addresses, names), max_size=2))),
        refusals=tuple(draw(st.lists(names, max_size=2))),
        surplus=tuple(draw(st.lists(addresses, max_size=2))),
        spared=tuple(draw(st.lists(st.tuples(addresses, names), max_size=2))),
        partial=draw(st.booleans()),
    )


def basis_of(plan: Plan) -> Basis:
    prints = [Fingerprint((c.address.kind, c.address.name, c.address.id), c.id, "0" * 64, ("x",)) for c in plan.changes]
    return Basis(
        catalogue=CATALOGUE.digest,
        policy="p",
        manifests="m",
        target="prod",
        url="https://mail.example.org",
        kinds=("MtaRoute",),
        fingerprints=tuple(prints),
    )


@LAW
@given(plans())
def test_what_is_saved_is_loaded_as_it_was(plan: Plan) -> None:
    basis = basis_of(plan)
    target = Target(name=basis.target, url=basis.url)
    content = save(plan, basis, members(plan_report(CATALOGUE, Plan(), target)))

    found, stands_on, shown = load(content, CATALOGUE)

    assert (found, stands_on, shown["target"]) == (plan, basis, {"name": target.name, "url": target.url})
    # 1, 1.0 and true are equal in Python.
    for mine, theirs in zip(plan.changes, found.changes, strict=True):
        assert exact(mine.patch, theirs.patch)


@LAW
@given(values)
def test_what_is_packed_is_unpacked_as_it_was(value: object) -> None:
    found = unpack(msgspec.json.decode(msgspec.json.encode(pack(value))))

    assert exact({"v": value}, {"v": found})
