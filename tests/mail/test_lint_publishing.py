"""Rules on kinds that are known by what a server publishes: what they find, and near misses."""

from msgspec.structs import replace

from reconciler.mail import lint_resources
from reconciler.values import LiveState
from tests.whole import CATALOGUE, held, state, wanted

KEY = "privateKey: {type: File, filePath: /a.pem}"


def found(text: str, live: LiveState | None = None) -> list[tuple[str, str, str, str]]:
    told = lint_resources(CATALOGUE, wanted(text), live=live)
    return [(each.code, each.address, each.pointer, each.message) for each in told]


def test_domain_whose_mail_nothing_signs_is_told() -> None:
    text = (
        "kind: Domain\nitems:\n  - {name: a.example.org, dkimManagement: {type: Manual}}\n"
        "  - {name: b.example.org, dkimManagement: {type: Automatic}}\n"
        "  - {name: c.example.org, dkimManagement: {type: Manual}}\n---\n"
        f"kind: DkimSignature\nspec: {{type: Dkim1RsaSha256, domainId: c.example.org, selector: s, {KEY}}}\n"
    )
    message = "no DkimSignature is for it{}, so that its mail goes out unsigned"

    assert found(text) == [
        (
            "unsigned-domain",
            "Domain/a.example.org",
            "dkimManagement",
            message.format(", as far as the manifests tell"),
        )
    ]
    assert found(text, state()) == [
        ("unsigned-domain", "Domain/a.example.org", "dkimManagement", message.format("")),
    ]


def test_listeners_that_would_open_one_port_are_told() -> None:
    text = (
        "kind: NetworkListener\nitems: [{name: a, bind: ['[::]:25', '[::]:26']}, {name: b, bind: ['[::]:25']},"
        " {name: c, bind: ['[::]:27']}]\n"
    )
    live = state(held("NetworkListener", "d", "d", name="d", bind={"[::]:27": True}))

    message = "NetworkListener/{} has [::]:25 too, and only one of them can"

    assert found(text) == [
        ("shared-member", "NetworkListener/a", "bind", message.format("b")),
        ("shared-member", "NetworkListener/b", "bind", message.format("a")),
    ]
    assert [each[1] for each in found(text, live)] == [f"NetworkListener/{name}" for name in ("a", "b", "c")]


def test_kind_that_nothing_is_known_of_is_told_once() -> None:
    kind = replace(CATALOGUE.kinds["Role"], loose=True)
    catalogue = replace(CATALOGUE, kinds={**CATALOGUE.kinds, "Role": kind})

    told = lint_resources(catalogue, wanted("kind: Role\nitems: [{description: A}, {description: B}]\n"))

    message = (
        "this version knows of nothing that tells objects of Role apart but its description, which several may have"
    )
    assert [(each.code, each.address, each.message) for each in told] == [("unsure-key", "Role/A", message)]
