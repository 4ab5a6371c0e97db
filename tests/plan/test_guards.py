"""What a plan is refused for because it is dangerous: each row, and what lifts it."""

from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.kinds import catalogue_of_published, read_pulled
from reconciler.plan import take_survey
from reconciler.plan.survey import Goal
from reconciler.values import Address, Allowance, LiveObject, LiveState, Policy, Reader, Resource, Source
from tests.publishing import TEXT, schema
from tests.whole import CATALOGUE, held, state, surveyed, wanted

DOMAIN = held("Domain", "example.org", "d", name="example.org", dkimManagement={"@type": "Manual"})
ORG = Address("Domain", "example.org")
ROLE = held("Role", "Ours", "r", description="Ours")
OTHER = held("Role", "Theirs", "s", description="Theirs")
ALICE = held(
    "Account",
    "alice@example.org",
    "a",
    **{
        "@type": "User",
        "name": "alice",
        "domainId": ORG,
        "emailAddress": "alice@example.org",
        "roles": {"@type": "Custom", "roleIds": {ROLE.address: True}},
    },
)
HTTP = held("NetworkListener", "http", "h", name="http", bind={"[::]:8080": True}, protocol="http")
SMTP = held("NetworkListener", "smtp", "i", name="smtp", bind={"[::]:25": True}, protocol="smtp")
SETTINGS = held("SystemSettings", "", "singleton", defaultHostname="mx.example.org", defaultDomainId=ORG)
KEY = {"@type": "Text", "secret": "****"}
TLS = held("Certificate", "mail", "c", certificate={"@type": "File", "filePath": "/a.pem"}, privateKey=KEY)
DKIM = held(
    "DkimSignature",
    "example.org/2026a",
    "k",
    **{"@type": "Dkim1RsaSha256", "domainId": ORG, "selector": "2026a", "privateKey": KEY},
)


def singleton(kind: str, **wire: Any) -> LiveObject:
    return held(kind, "", "singleton", **wire)


REFUSED = {
    "a request limit below what the mending needs": (
        [singleton("Jmap")],
        "kind: Jmap\nspec: {maxRequestSize: 10}\n",
        (
            "Jmap maxRequestSize: with 10 nobody could mend it any more, since the server would refuse the requests "
            "that do; 1048576 or more lifts this"
        ),
    ),
    "a store of everything": (
        [singleton("DataStore", **{"@type": "Sqlite", "path": "/a"})],
        "kind: DataStore\nspec: {type: Sqlite, path: /b}\n",
        (
            "DataStore would be updated: it is written at once without a trial, and the next start may fail or open an "
            'empty store; policy.allow: ["DataStore"] lifts this'
        ),
    ),
    "a listener": (
        [HTTP],
        "kind: NetworkListener\nspec: {name: imap, bind: ['[::]:143'], protocol: imap}\n",
        (
            "NetworkListener/imap would be created: it acts at the next start only, and without a listener for HTTP "
            'nothing can be mended over the API; policy.allow: ["NetworkListener/imap"] lifts this'
        ),
    ),
    "endpoints that answer with another status": (
        [singleton("Http")],
        "kind: Http\nspec: {allowedEndpoints: {else: '403'}}\n",
        (
            "Http would be updated: allowedEndpoints: whoever is answered with another status is shut out of the API "
            'too; policy.allow: ["Http"] lifts this'
        ),
    ),
    "proxies that clients are not": (
        [DOMAIN, SETTINGS],
        "kind: SystemSettings\nspec: {proxyTrustedNetworks: [192.0.2.0/24]}\n",
        (
            "SystemSettings would be updated: proxyTrustedNetworks: clients of these networks that send no PROXY "
            'header are cut off at the next start; policy.allow: ["SystemSettings"] lifts this'
        ),
    ),
    "roles that everybody gets": (
        [ROLE, singleton("Authentication", defaultUserRoleIds={ROLE.address: True})],
        "kind: Authentication\nspec: {defaultUserRoleIds: []}\n",
        (
            "Authentication would be updated: defaultUserRoleIds: accounts without roles of their own get theirs from "
            'it; policy.allow: ["Authentication"] lifts this'
        ),
    ),
    "the store of bodies": (
        [singleton("BlobStore", **{"@type": "Default"})],
        "kind: BlobStore\nspec: {type: FileSystem, path: /b}\n",
        (
            "BlobStore would be replaced: it acts at the next start, and stored bodies are not moved; "
            'policy.allow: ["BlobStore"] lifts this'
        ),
    ),
    "keys of tokens": (
        [singleton("OidcProvider", signatureKey=KEY)],
        "kind: OidcProvider\nspec: {signatureKey: {type: EnvironmentVariable, variableName: KEY}}\n",
        (
            "OidcProvider would be updated: signatureKey: a new key ends every session, and one that does not fit the "
            'algorithm blocks every reload; policy.allow: ["OidcProvider"] lifts this'
        ),
    ),
    "an account with a certificate authority": (
        [],
        "kind: AcmeProvider\nspec: {contact: [a@example.org]}\n",
        (
            "AcmeProvider/https:%2F%2Facme.example.org%2Fdirectory/a@example.org would be created: creating one "
            "registers an account with the certificate authority; "
            'policy.allow: ["AcmeProvider/https:%2F%2Facme.example.org%2Fdirectory/a@example.org"] lifts this'
        ),
    ),
    "an account with its mail": (
        [DOMAIN, ALICE],
        "kind: Account\nmetadata: {absent: true}\nspec: {type: User, name: alice, domainId: example.org}\n",
        (
            "Account/alice@example.org would be destroyed: destroying it destroys all its mail at once, and a new one "
            'of its name is another account; policy.allow: ["Account/alice@example.org"] lifts this'
        ),
    ),
    "a domain under another name": (
        [DOMAIN],
        "kind: Domain\nmetadata: {was: example.org}\nspec: {name: example.net, dkimManagement: {type: Manual}}\n",
        (
            "Domain/example.net would be updated: name: it is part of every address below it; "
            'policy.allow: ["Domain/example.net"] lifts this'
        ),
    ),
    "a key that signs mail": (
        [DOMAIN, DKIM],
        (
            "kind: DkimSignature\nmetadata: {absent: true}\n"
            "spec: {type: Dkim1RsaSha256, domainId: example.org, selector: 2026a}\n"
        ),
        (
            "DkimSignature/example.org/2026a would be destroyed: mail is no longer signed, or signed with a key that "
            'DNS does not show; policy.allow: ["DkimSignature/example.org/2026a"] lifts this'
        ),
    ),
}


@pytest.mark.parametrize(("live", "text", "refusal"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_dangerous_is_refused(live: list[LiveObject], text: str, refusal: str) -> None:
    assert surveyed(state(*live), text).plan.refusals == (refusal,)


@pytest.mark.parametrize(
    ("live", "text", "refusal"),
    [row for name, row in REFUSED.items() if "limit" not in name],
    ids=[name for name in REFUSED if "limit" not in name],
)
def test_what_policy_allows_is_not_refused(live: list[LiveObject], text: str, refusal: str) -> None:
    kind = refusal.partition(" ")[0].partition("/")[0]

    assert surveyed(state(*live), text, allow=(Allowance(address=kind),)).plan.refusals == ()


def test_no_permission_lifts_a_limit_that_nobody_could_mend() -> None:
    live, text, refusal = REFUSED["a request limit below what the mending needs"]

    assert surveyed(state(*live), text, allow=(Allowance(address="*"),)).plan.refusals == (refusal,)


@pytest.mark.parametrize(
    ("allowance", "lifted"),
    [
        (Allowance(address="Account/*"), True),
        (Allowance(address="Account/alice@*", actions=frozenset({"destroy"})), True),
        (Allowance(address="Account/alice@*", actions=frozenset({"update"})), False),
        (Allowance(address="Account/bob@*"), False),
        (Allowance(address="Domain"), False),
        (Allowance(address="Account", until="2020-01-31", ended=True), False),
    ],
)
def test_a_permission_is_for_what_it_names(allowance: Allowance, lifted: bool) -> None:
    live, text, refusal = REFUSED["an account with its mail"]
    ended = f"{refusal} (it was allowed until 2020-01-31)" if allowance.ended else refusal

    assert surveyed(state(*live), text, allow=(allowance,)).plan.refusals == (() if lifted else (ended,))


def test_values_that_are_no_danger_need_no_permission() -> None:
    live = state(singleton("Http", allowedEndpoints={"match": {}, "else": "403"}), singleton("Authentication"))
    text = (
        "kind: Http\nspec: {allowedEndpoints: {else: '200'}, enableHsts: true}\n"
        "---\nkind: Authentication\nspec: {directoryId: null, passwordMinLength: 12}\n"
    )

    found = surveyed(live, text).plan

    assert ([str(each.address) for each in found.changes], found.refusals) == (["Authentication", "Http"], ())


def test_creating_what_is_dangerous_to_destroy_needs_no_permission() -> None:
    found = surveyed(state(), "kind: Domain\nspec: {name: example.org, dkimManagement: {type: Manual}}\n").plan

    assert ([each.action for each in found.changes], found.refusals) == (["create"], ())


OWN = Reader(user="alice@example.org", address="192.0.2.7", port=8080)


def test_own_account_and_what_it_may_do_are_left_alone() -> None:
    live = state(DOMAIN, ALICE, ROLE, OTHER, reader=OWN)
    text = (
        "kind: Role\nitems: [{description: Ours, enabledPermissions: [authenticate]},"
        " {description: Theirs, enabledPermissions: [authenticate]}]\n---\n"
        "kind: Account\nspec: {type: User, name: alice, domainId: example.org, description: me,"
        " roles: {type: Custom, roleIds: [Ours]}}\n"
    )

    assert surveyed(live, text).plan.refusals == (
        (
            "Role/Ours would be updated: it says what alice@example.org may do, as whom this run acts; "
            'policy.allow: ["Role/Ours"] lifts this'
        ),
        (
            "Account/alice@example.org would be updated: this run is logged in as alice@example.org; "
            'policy.allow: ["Account/alice@example.org"] lifts this'
        ),
    )


def test_roles_that_everybody_gets_are_the_own_ones_of_an_account_that_names_none() -> None:
    alice = replace(ALICE, wire={**ALICE.wire, "roles": {"@type": "Default"}})
    included = replace(ROLE, wire={**ROLE.wire, "roleIds": {OTHER.address: True}})
    settings = singleton("Authentication", defaultUserRoleIds={ROLE.address: True})
    text = "kind: Role\nspec: {description: Theirs, enabledPermissions: [emailSend]}\n"

    found = surveyed(state(DOMAIN, alice, included, OTHER, settings, reader=OWN), text).plan

    assert found.refusals == (
        (
            "Role/Theirs would be updated: it says what alice@example.org may do, as whom this run acts; "
            'policy.allow: ["Role/Theirs"] lifts this'
        ),
    )


LISTENERS = (Allowance(address="NetworkListener"),)


def test_own_listener_stays_whatever_is_allowed() -> None:
    text = "kind: NetworkListener\nspec: {name: http, bind: ['[::]:9090'], protocol: http}\n"

    found = surveyed(state(HTTP, SMTP, reader=OWN), text, allow=LISTENERS).plan

    assert found.refusals == (
        (
            "NetworkListener: NetworkListener/http carries the API on port 8080, which this run talks to, and no "
            "listener would after the next start; keep it"
        ),
    )


def test_last_listener_of_the_api_stays_whatever_is_allowed() -> None:
    text = "kind: NetworkListener\nmetadata: {absent: true}\nspec: {name: http}\n"

    found = surveyed(state(HTTP, SMTP, reader=replace(OWN, port=443)), text, allow=LISTENERS).plan

    assert found.refusals == (
        "NetworkListener: no listener would carry the API after the next start; keep one of NetworkListener/http",
    )


def test_two_listeners_do_not_share_a_port() -> None:
    text = "kind: NetworkListener\nspec: {name: lmtp, bind: ['[::]:25', '[::]:24'], protocol: lmtp}\n"

    found = surveyed(state(HTTP, SMTP, reader=OWN), text, allow=LISTENERS).plan

    assert found.refusals == (
        (
            "NetworkListener/smtp and NetworkListener/lmtp would both have [::]:25 in bind, and only one can; "
            "give each its own"
        ),
    )


@pytest.mark.parametrize("network", ["192.0.2.7", "192.0.2.0/24"])
def test_own_address_is_not_cut_off(network: str) -> None:
    text = f"kind: BlockedIp\nspec: {{address: {network}}}\n"
    admitted = f"{text}---\nkind: AllowedIp\nspec: {{address: 192.0.2.7}}\n"

    assert surveyed(state(reader=OWN), text).plan.refusals == (
        f"BlockedIp/{network} would cut off 192.0.2.7, which this run comes from; AllowedIp/192.0.2.7 lifts this",
    )
    assert surveyed(state(reader=OWN), admitted).plan.refusals == ()
    assert surveyed(state(reader=replace(OWN, address="192.0.3.1")), text).plan.refusals == ()


def test_what_people_keep_and_what_the_server_makes_is_not_pruned() -> None:
    blocked = held("BlockedIp", "192.0.2.1", "b", address="192.0.2.1")
    text = "kind: Role\nspec: {description: Ours}\n"
    prune = {"Domain": "all", "DkimSignature": True, "BlockedIp": True, "Role": True}

    found = surveyed(state(DOMAIN, DKIM, blocked, ROLE, OTHER), text, prune=prune, allow_empty=frozenset({"Domain"}))

    assert [str(each.address) for each in found.plan.changes] == ["Role/Theirs"]
    assert [(str(address), because) for address, because in found.plan.spared] == [
        ("BlockedIp/192.0.2.1", "the server makes such objects itself"),
        ("DkimSignature/example.org/2026a", "it holds what people keep; metadata.absent destroys it"),
        ("Domain/example.org", "it holds what people keep; metadata.absent destroys it"),
    ]


def test_all_prunes_what_the_server_makes_itself() -> None:
    blocked = held("BlockedIp", "192.0.2.1", "b", address="192.0.2.1")
    kept = held("BlockedIp", "192.0.2.2", "c", address="192.0.2.2")
    text = "kind: BlockedIp\nspec: {address: 192.0.2.2}\n"

    found = surveyed(state(blocked, kept), text, prune={"BlockedIp": "all"}).plan

    assert [str(each.address) for each in found.changes] == ["BlockedIp/192.0.2.1"]


def test_goal_of_a_newer_kind_is_written_without_a_word_about_it() -> None:
    gadget = replace(CATALOGUE.kinds["Role"], kind="Gadget", danger="", permits=False)
    catalogue = replace(CATALOGUE, kinds={**CATALOGUE.kinds, "Gadget": gadget})
    (role,) = wanted("kind: Role\nspec: {description: Ours}\n")
    resource = replace(role, address=Address("Gadget", "Ours"))

    found = take_survey(catalogue, Goal(resources=(resource,), linted=False), LiveState({"Gadget": ()}))

    assert ([str(each.address) for each in found.plan.changes], found.plan.refusals) == (["Gadget/Ours"], ())


def test_policy_allows_nothing_by_default() -> None:
    assert Policy().allow == ()


def test_write_that_lacks_what_a_new_server_demands_is_refused() -> None:
    new = singleton("SystemSettings", defaultHostname="", defaultDomainId=Address("Domain", id="p333333333333"))
    text = "kind: SystemSettings\nspec: {maxConnections: 10, defaultHostname: mx.example.org}\n"
    both = "kind: SystemSettings\nspec: {defaultHostname: mx.example.org, defaultDomainId: example.org}\n"

    assert surveyed(state(DOMAIN, new), text).plan.refusals == (
        "m.yaml:1 SystemSettings lacks defaultDomainId, without which the server takes no write of it; declare it",
    )
    assert surveyed(state(DOMAIN, new), both).plan.refusals == ()
    assert surveyed(state(DOMAIN, SETTINGS), "kind: SystemSettings\nspec: {maxConnections: 10}\n").plan.refusals == ()


#: Stores and carriers beside those of the scenario, and why each is dangerous.
STORES = {
    "SearchStore": "it acts at the next start, and a new index is empty",
    "InMemoryStore": "it acts at the next start",
    "Coordinator": "it acts at the next start",
    "MetricsStore": "it acts at the next start",
    "TracingStore": "it acts at the next start",
}
PUBLISHED = catalogue_of_published(
    read_pulled(schema({kind: {"Default": {}, "Redis": {"url": TEXT}} for kind in STORES}, singletons=tuple(STORES)))
)


@pytest.mark.parametrize(("kind", "because"), STORES.items(), ids=STORES.keys())
def test_every_store_and_what_carries_news_needs_a_permission(kind: str, because: str) -> None:
    live_object = LiveObject(address=Address(kind), key=(), id="singleton", wire={"@type": "Default"})
    wire = {"@type": "Redis", "url": "redis://127.0.0.1"}
    resource = Resource(address=Address(kind), wire=wire, source=Source("m.yaml"))
    live = LiveState({kind: (live_object,)})

    refusals = [
        take_survey(PUBLISHED, Goal(resources=(resource,), policy=policy, linted=False), live).plan.refusals
        for policy in (Policy(), Policy(allow=(Allowance(address=kind),)))
    ]

    assert refusals == [(f'{kind} would be replaced: {because}; policy.allow: ["{kind}"] lifts this',), ()]
