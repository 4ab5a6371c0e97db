"""Kinds of a published schema: served by the rules of those that the program ships, with what the overlays tell."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from reconciler.kinds import catalogue_of_published, compare_catalogues, reduced
from reconciler.sandbox import Sandbox
from tests.publishing import SERVER
from tests.talk import Talk, failed, invalid_patch


@pytest.fixture
def talk() -> Talk:
    return Talk(Sandbox(schema=SERVER, environment={"PRESENT": "there"}))


LATER = "2030-01-01T00:00:00Z"


def domain(talk: Talk, name: str = "example.org", **properties: Any) -> str:
    return talk.create("Domain", name=name, **properties)


def refused(talk: Talk, kind: str, **properties: Any) -> tuple[str, list[str]]:
    answer = talk.refusal(kind, **properties)
    return answer["type"], answer.get("properties", [])


def run(talk: Talk, action: str) -> Any:
    answer = talk.call("x:Action/set", create={"a": {"@type": action}})
    return answer.get("notCreated", {}).get("a")


def private_key() -> str:
    return pem(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def rsa_key() -> str:
    return pem(rsa.generate_private_key(65537, 2048))


def pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def certificate(*names: str, days: int = 30) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC).replace(microsecond=0)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


# ---- what is published -----------------------------------------------------------------------------------------


def test_a_pulled_file_is_published_again_under_its_name() -> None:
    pulled = reduced(SERVER, server="0.16.19", name="abc", date="2026-11-28")
    talk = Talk(Sandbox(schema=json.dumps(_plain(pulled)).encode()))
    reply = talk.get("/api/schema")

    assert dict(reply.headers)["Location"] == "/api/schema/abc"
    again = catalogue_of_published(reduced(_content(talk), name="abc"))
    assert compare_catalogues(catalogue_of_published(pulled), again) == ()


def test_a_server_s_own_answer_is_published_as_it_is() -> None:
    assert _content(Talk(Sandbox(schema=SERVER))) == SERVER


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="no published schema"):
        Sandbox(schema=b"[]")


def _plain(pulled: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(pulled)


def _content(talk: Talk) -> bytes:
    import gzip

    place = dict(talk.get("/api/schema").headers)["Location"]
    return gzip.decompress(talk.get(place).body)


# ---- values ----------------------------------------------------------------------------------------------------


def test_a_kind_that_nobody_knows_is_served_by_what_is_published(talk: Talk) -> None:
    made = talk.create("Gadget", label=" red ", weight=1, sizes={"small": 3}, parts={"4": {"name": "a"}})

    assert talk.read("Gadget", made) == {
        "label": "red",
        "parts": {"0": {"domainId": None, "name": "a"}},
        "sizes": {"small": 3},
        "weight": 1.0,
        "id": made,
    }
    assert talk.refusal("Gadget", weight=2) == failed(
        {"type": "Required", "property": "label"},
        {"type": "MinLength", "property": "parts", "required": 1},
        {"type": "MaxValue", "property": "weight", "required": 1},
    )
    assert talk.refusal("Gadget", sizes={"huge": 1})["properties"] == ["sizes"]
    assert talk.refusal("Gadget", weight="much")["properties"] == ["weight"]


def test_what_is_required_is_told_in_the_order_of_the_key(talk: Talk) -> None:
    assert talk.refusal("Account", variant="User") == failed(
        {"type": "Required", "property": "name"}, {"type": "Required", "property": "domainId"}
    )
    assert talk.refusal("NetworkListener") == failed(
        {"type": "Required", "property": "name"}, {"type": "MinLength", "property": "bind", "required": 1}
    )


@pytest.mark.parametrize(
    ("kind", "given", "name", "stored"),
    [
        ("Domain", {"name": " MÜNCHEN.Example.ORG "}, "name", "xn--mnchen-3ya.example.org"),
        ("AllowedIp", {"address": "2001:DB8:0::1/128"}, "address", "2001:db8::1"),
        ("AllowedIp", {"address": "192.0.2.77/24"}, "address", "192.0.2.77/24"),
        ("AllowedIp", {"address": "192.0.2.7", "expiresAt": "2030-01-01T01:00+01:00"}, "expiresAt", LATER),
        ("NetworkListener", {"name": "l", "bind": {"[0:0::0]:25": True}}, "bind", {"[::]:25": True}),
        ("SpamTag", {"variant": "Discard", "tag": "my tag"}, "tag", "MYTAG"),
        ("SpamTag", {"variant": "Score", "tag": "T", "score": 2}, "score", 2.0),
        ("SieveSystemScript", {"name": " s ", "contents": "\nkeep;\r\n# end\r\n"}, "contents", "keep;\r\n# end"),
        ("WebHook", {"url": " https://h.example/ ", "httpHeaders": {" X ": " y "}}, "httpHeaders", {"X": "y"}),
        ("MemoryLookupKey", {"namespace": " n", "key": "k "}, "namespace", " n"),
    ],
)  # fmt: skip
def test_values_are_stored_as_the_server_makes_them(
    talk: Talk, kind: str, given: dict[str, Any], name: str, stored: Any
) -> None:
    assert talk.read(kind, talk.create(kind, **given))[name] == stored


@pytest.mark.parametrize(
    ("kind", "given", "place"),
    [
        ("Domain", {"name": "nodot"}, "name"),
        ("Domain", {"name": "192.0.2.1"}, "name"),
        ("AllowedIp", {"address": "office"}, "address"),
        ("AllowedIp", {"address": "192.0.2.0/7"}, "address"),
        ("AllowedIp", {"address": "192.0.2.0/33"}, "address"),
        ("AllowedIp", {"address": "192.0.2.1", "expiresAt": "tomorrow"}, "expiresAt"),
        ("NetworkListener", {"name": "x", "bind": {"localhost:25": True}}, "bind"),
        ("NetworkListener", {"name": "x", "bind": {"::1:25": True}}, "bind"),
        ("NetworkListener", {"name": "x", "bind": {"127.0.0.1:65536": True}}, "bind"),
        ("NetworkListener", {"name": "x", "bind": ["127.0.0.1:25"]}, "bind"),
        ("Role", {"description": "r", "enabledPermissions": {"sys-domain-get": True}}, "enabledPermissions"),
        ("Role", {"description": "r", "roleIds": {"#later": True}}, "roleIds"),
        ("Domain", {"name": "a.example.org", "createdAt": "2026-01-01T00:00:00Z"}, "createdAt"),
    ],
)
def test_values_that_do_not_fit_are_refused_where_they_stand(
    talk: Talk, kind: str, given: dict[str, Any], place: str
) -> None:
    assert refused(talk, kind, **given) == ("invalidPatch", [place])


def test_an_address_that_was_never_given_is_invalid(talk: Talk) -> None:
    assert [error["type"] for error in talk.refusal("AllowedIp")["validationErrors"]] == ["Invalid"]


def test_an_address_with_a_default_of_its_own_is_valid_there(talk: Talk) -> None:
    assert talk.update("DnsResolver", "singleton", variant="Custom", servers={"0": {}}) is None
    assert talk.read("DnsResolver", "singleton")["servers"] == {"0": {"address": "127.0.0.1", "port": 53}}


def test_what_coordinates_a_cluster_is_written_where_it_is_published(talk: Talk) -> None:
    assert talk.update("Coordinator", "singleton", variant="Redis", url="redis://127.0.0.1/") is None
    assert talk.read("Coordinator", "singleton")["url"] == "redis://127.0.0.1/"
    assert Talk().call("x:Coordinator/set")["type"] == "unknownMethod"


def test_a_signed_number_may_be_negative(talk: Talk) -> None:
    assert talk.update("Http", "singleton", offset=-5) is None
    assert talk.update("Http", "singleton", offset=-(2**63) - 1)["type"] == "invalidPatch"


def test_a_nested_object_is_merged_taken_away_and_begun_anew(talk: Talk) -> None:
    def limit() -> Any:
        return talk.read("Http", "singleton")["rateLimit"]

    talk.update("Http", "singleton", rateLimit={"count": 7})
    merged = limit()
    talk.update("Http", "singleton", rateLimit=None)
    gone = limit()
    talk.update("Http", "singleton", rateLimit={"period": 5, "count": 3})

    assert (merged, gone, limit()) == ({"count": 7, "period": 60000}, None, {"count": 3, "period": 5})


def test_a_map_of_objects_is_written_whole_or_by_member(talk: Talk) -> None:
    required = {"defaultHostname": "mail.example.org", "defaultDomainId": domain(talk)}
    talk.update("SystemSettings", "singleton", **required, services={"imap": {"cleartext": True}})

    assert talk.update("SystemSettings", "singleton", services__smtp__hostname="smtp.example.org") is None
    assert talk.read("SystemSettings", "singleton")["services"] == {
        "imap": {"cleartext": True, "hostname": None},
        "smtp": {"cleartext": False, "hostname": "smtp.example.org"},
    }
    assert talk.update("SystemSettings", "singleton", services__imap=None) is None
    assert list(talk.read("SystemSettings", "singleton")["services"]) == ["smtp"]


def test_an_unset_singleton_takes_nothing_until_all_is_given_that_it_needs(talk: Talk) -> None:
    missing = failed(
        {"type": "Required", "property": "defaultHostname"}, {"type": "Required", "property": "defaultDomainId"}
    )

    assert talk.update("SystemSettings", "singleton", maxConnections=9) == missing
    assert talk.read("SystemSettings", "singleton")["defaultDomainId"] == "p333333333333"


def test_secrets_are_masked_and_what_is_not_set_may_be_left_out(talk: Talk) -> None:
    hook = talk.create("WebHook", url="https://h.example/", signatureKey={"@type": "Value", "secret": "k"})
    open_ = talk.create("OAuthClient", clientId="one")
    closed = talk.create("OAuthClient", clientId="two", secret="s")

    assert talk.read("WebHook", hook)["signatureKey"] == {"secret": "****", "@type": "Value"}
    assert "secret" not in talk.read("OAuthClient", open_)
    assert talk.read("OAuthClient", closed)["secret"] == "****"


def test_an_expression_is_compiled_with_the_words_of_its_place(talk: Talk) -> None:
    def refusal(text: str) -> Any:
        return talk.update("Http", "singleton", allowedEndpoints={"else": text})

    assert refusal("if_then(remote_ip == '192.0.2.1', 200, 403)") is None
    assert [refusal(text)["type"] for text in ("rcpt", "no_such_word", "size(")] == ["validationFailed"] * 3
    assert refusal("rcpt")["properties"] == ["allowedEndpoints"]


def test_an_expression_of_unknown_words_is_read_for_its_grammar(talk: Talk) -> None:
    talk.create("Alert", condition={"else": "some_metric > 1"})

    assert talk.refusal("Alert", condition={"else": "size("})["properties"] == ["condition"]
    assert talk.refusal("Alert") == failed({"type": "Required", "property": "condition"})


# ---- unique values ---------------------------------------------------------------------------------------------


def test_a_value_is_unique_in_its_canonical_form(talk: Talk) -> None:
    first = talk.create("AllowedIp", address="192.0.2.7")

    assert talk.refusal("AllowedIp", address="192.0.2.7/32") == {
        "type": "primaryKeyViolation",
        "properties": ["address"],
        "objectId": {"object": "AllowedIp", "id": first},
    }
    talk.create("AllowedIp", address="192.0.2.7/31")


def test_addresses_of_accounts_lists_and_aliases_share_a_space(talk: Talk) -> None:
    home, other = domain(talk), domain(talk, "example.net")
    alias = {"0": {"name": "Sales", "domainId": home}}
    first = talk.create("Account", variant="User", name="info", domainId=home, aliases=alias)
    taken = {"type": "primaryKeyViolation", "properties": ["email"], "objectId": {"object": "Account", "id": first}}

    assert talk.refusal("MailingList", name="INFO", domainId=home) == taken
    assert talk.refusal("Account", variant="Group", name="sales", domainId=home) == taken
    talk.create("MailingList", name="info", domainId=other)
    assert talk.update("Account", first, aliases={}) is None
    talk.create("MailingList", name="sales", domainId=home)


def test_names_and_aliases_of_domains_share_a_space(talk: Talk) -> None:
    first = domain(talk, aliases={"alias.example.org": True, "example.org": True})

    assert refused(talk, "Domain", name="alias.example.org") == ("primaryKeyViolation", ["name"])
    assert refused(talk, "Domain", name="b.example.net", aliases={"example.org": True}) == (
        "primaryKeyViolation",
        ["aliases"],
    )
    assert talk.update("Domain", first, name="alias.example.org") is None


def test_keys_of_lookups_are_compared_run_together(talk: Talk) -> None:
    first = talk.create("MemoryLookupKey", namespace="ab", key="c")
    taken = {
        "type": "primaryKeyViolation",
        "properties": ["namespace"],
        "objectId": {"object": "MemoryLookupKey", "id": first},
    }

    assert talk.refusal("MemoryLookupKey", namespace="a", key="bc") == taken
    assert talk.refusal("HttpLookup", namespace="abc", url="https://x.example/") == taken


def test_what_was_destroyed_is_free_again(talk: Talk) -> None:
    first = domain(talk)
    talk.call("x:Domain/set", destroy=[first])

    assert talk.read("Domain", domain(talk))["name"] == "example.org"


# ---- references ------------------------------------------------------------------------------------------------


def test_a_reference_to_nothing_is_refused_wherever_it_stands(talk: Talk) -> None:
    def gone(kind: str) -> dict[str, Any]:
        return {"type": "invalidForeignKey", "objectId": {"object": kind, "id": "zzzzzz"}}

    home = domain(talk)

    assert talk.refusal("Account", variant="User", name="a", domainId="zzzzzz") == gone("Domain")
    assert talk.refusal("Role", description="r", roleIds={"zzzzzz": True}) == gone("Role")
    listeners = {"@type": "EnableSome", "listenerIds": {"zzzzzz": True}}
    assert talk.refusal("ClusterRole", name="c", listeners=listeners) == gone("NetworkListener")
    aliases = {"0": {"name": "b", "domainId": "zzzzzz"}}
    assert talk.refusal("Account", variant="User", name="a", domainId=home, aliases=aliases) == gone("Domain")
    assert talk.update("Authentication", "singleton", directoryId="zzzzzz") == gone("Directory")


def test_a_reference_to_a_view_names_that_variant(talk: Talk) -> None:
    home = domain(talk)
    group = talk.create("Account", variant="Group", name="team", domainId=home)
    user = talk.create("Account", variant="User", name="a", domainId=home, memberGroupIds={group: True})

    answer = talk.refusal("Account", variant="User", name="b", domainId=home, memberGroupIds={user: True})
    assert answer == {"type": "invalidForeignKey", "objectId": {"object": "Account", "id": user}}


def test_what_is_referred_to_is_not_destroyed(talk: Talk) -> None:
    home = domain(talk)
    user = talk.create(
        "Account", variant="User", name="a", domainId=home, aliases={"0": {"name": "b", "domainId": home}}
    )
    members = [talk.create("Role", description=name) for name in ("one", "two")]
    top = talk.create("Role", description="top", roleIds=dict.fromkeys(members, True))

    def linked(kind: str, number: str, *by: tuple[str, str]) -> dict[str, Any]:
        return {
            "type": "objectIsLinked",
            "objectId": {"object": kind, "id": number},
            "linkedObjects": [{"object": other, "id": each} for other, each in by],
        }

    assert talk.call("x:Domain/set", destroy=[home])["notDestroyed"] == {
        home: linked("Domain", home, ("Account", user))
    }
    assert talk.call("x:Role/set", destroy=[*members, top]) == {
        "destroyed": [top],
        "notDestroyed": {each: linked("Role", each, ("Role", top)) for each in members},
    }
    assert talk.call("x:Role/set", destroy=members) == {"destroyed": members}


def test_what_refers_to_itself_cannot_be_destroyed_before_it_forgets(talk: Talk) -> None:
    role = talk.create("Role", description="r")
    talk.update("Role", role, roleIds={role: True})

    assert talk.call("x:Role/set", destroy=[role])["notDestroyed"][role]["type"] == "objectIsLinked"
    talk.update("Role", role, roleIds={})
    assert talk.call("x:Role/set", destroy=[role]) == {"destroyed": [role]}


def test_a_set_may_name_what_the_same_call_created_before_it(talk: Talk) -> None:
    base = {"description": "base"}
    top = {"description": "top", "roleIds": {"#base": True}}

    first = talk.call("x:Role/set", create={"base": base, "top": top})
    assert sorted(first["created"]) == ["base", "top"]
    late = talk.call("x:Role/set", create={"top": top, "base": base})
    assert late["notCreated"]["top"] == invalid_patch("Invalid key for object property", "roleIds")


def test_some_references_to_nothing_are_a_bad_value_or_end_the_call(talk: Talk) -> None:
    home = domain(talk)
    bad = {"@type": "Automatic", "acmeProviderId": "zzzzzz"}
    roles = {"@type": "Custom", "roleIds": {"zzzzzz": True}}
    users = {
        name: {"@type": "User", "name": name, "domainId": home, **more}
        for name, more in {"a": {}, "b": {"roles": roles}, "c": {}}.items()
    }

    assert refused(talk, "Domain", name="b.example.net", certificateManagement=bad) == (
        "invalidProperties",
        ["acmeProviderId"],
    )
    assert talk.call("x:Account/set", create=users)["type"] == "serverUnavailable"
    assert [each["name"] for each in talk.call("x:Account/get")["list"]] == ["a"]


def test_who_belongs_to_somebody_refers_to_the_same_only(talk: Talk) -> None:
    tenant, other = (talk.create("Tenant", name=name) for name in ("one", "two"))
    mine, theirs = (talk.create("Role", description="r", memberTenantId=each) for each in (tenant, other))

    answer = talk.refusal("Role", description="s", memberTenantId=tenant, roleIds={theirs: True})
    assert answer == {"type": "invalidForeignKey", "objectId": {"object": "Role", "id": theirs}}
    talk.create("Role", description="s", memberTenantId=tenant, roleIds={mine: True})
    talk.create("Role", description="t", roleIds={mine: True, theirs: True})


# ---- what the server makes by itself ---------------------------------------------------------------------------


def test_a_new_server_has_what_it_ships_and_refers_to_it(talk: Talk) -> None:
    roles = {each["description"]: each["id"] for each in talk.call("x:Role/get")["list"]}
    listeners = talk.call("x:NetworkListener/get")["list"]

    assert sorted(roles) == ["Group", "System Administrator", "Tenant Administrator", "User"]
    assert talk.read("Authentication", "singleton")["defaultUserRoleIds"] == {roles["User"]: True}
    assert talk.call("x:Role/set", destroy=[roles["User"]])["notDestroyed"][roles["User"]]["linkedObjects"] == [
        {"object": "Authentication", "id": "singleton"}
    ]
    assert {each["name"]: list(each["bind"]) for each in listeners}["https"] == ["[::]:443"]


def test_an_object_s_name_and_the_time_of_its_creation_are_worked_out(talk: Talk) -> None:
    user = talk.create("Account", variant="User", name="Alice", domainId=domain(talk))
    before = datetime.now(UTC) - timedelta(seconds=5)
    made = talk.create("AllowedIp", address="192.0.2.7")

    assert talk.read("Account", user)["emailAddress"] == "alice@example.org"
    assert datetime.fromisoformat(talk.read("AllowedIp", made)["createdAt"]) >= before
    given = talk.create("AllowedIp", address="192.0.2.8", createdAt="2020-01-01T00:00:00Z")
    assert talk.read("AllowedIp", given)["createdAt"] == "2020-01-01T00:00:00Z"


def test_a_certificate_says_what_it_is(talk: Talk) -> None:
    text = certificate("mail.example.org", "*.example.org")
    key = {"@type": "Text", "secret": "any key"}
    made = talk.read(
        "Certificate", talk.create("Certificate", certificate={"@type": "Text", "value": text}, privateKey=key)
    )

    assert made["subjectAlternativeNames"] == {"*.example.org": True, "mail.example.org": True}
    assert made["issuer"] == "CN=mail.example.org"
    assert made["privateKey"] == {"@type": "Text", "secret": "****"}
    assert refused(talk, "Certificate") == ("invalidProperties", ["certificate"])
    assert talk.refusal("Certificate", certificate={"@type": "Text", "value": text}) == failed(
        {"type": "Required", "property": "secret"}
    )


def test_a_signing_key_is_read_and_its_public_half_shown(talk: Talk) -> None:
    def given(**more: Any) -> dict[str, Any]:
        return {"variant": "Dkim1Ed25519Sha256", "domainId": home, "selector": "s", **more}

    home = domain(talk)
    made = talk.create("DkimSignature", **given(privateKey={"@type": "Text", "secret": private_key()}))

    assert talk.read("DkimSignature", made)["publicKey"] == "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    assert refused(talk, "DkimSignature", **given()) == ("invalidProperties", [])
    assert refused(talk, "DkimSignature", **given(privateKey={"@type": "Text", "secret": "****"})) == (
        "invalidProperties",
        [],
    )
    other = {"@type": "Text", "secret": rsa_key()}
    assert refused(talk, "DkimSignature", **given(privateKey=other)) == ("invalidProperties", [])
    from_variable = {"@type": "EnvironmentVariable", "variableName": "ABSENT"}
    assert refused(talk, "DkimSignature", **given(privateKey=from_variable)) == ("invalidProperties", [])


def test_a_secret_outside_the_store_is_read_at_once_where_the_server_builds_something_of_it(talk: Talk) -> None:
    def secret(name: str) -> dict[str, Any]:
        return {"@type": "EnvironmentVariable", "variableName": name}

    assert refused(talk, "DnsServer", variant="Bunny", description="d", secret=secret("ABSENT")) == (
        "invalidProperties",
        [],
    )
    talk.create("DnsServer", variant="Bunny", description="d", secret=secret("PRESENT"))


def test_without_the_library_that_reads_them_certificates_and_keys_are_stored_unread() -> None:
    text = {"@type": "Text", "value": "any"}
    lines = [
        "import sys",
        "sys.modules['cryptography'] = None",
        "from reconciler.sandbox import Sandbox",
        "from tests.publishing import SERVER",
        "from tests.talk import Talk",
        "talk = Talk(Sandbox(schema=SERVER, environment={}))",
        f"made = talk.create('Certificate', certificate={text}, privateKey={{'@type': 'Text', 'secret': 'any'}})",
        "print(talk.read('Certificate', made)['subjectAlternativeNames'])",
    ]
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, timeout=60, check=True
    )

    assert ran.stdout == "{}\n"


@pytest.mark.parametrize("script", ["keep", "keep;}", "nonsense;", "if true { keep;", 'keep "open;'])
def test_a_script_that_does_not_compile_is_refused(talk: Talk, script: str) -> None:
    assert refused(talk, "SieveSystemScript", name="s", contents=script) == ("invalidProperties", ["contents"])


def test_a_script_with_strings_comments_and_blocks_compiles(talk: Talk) -> None:
    script = 'require ["fileinto"]; # }\nif anyof (header :is "a" "b;", true) { fileinto "x"; } else { stop; }\n/* { */'

    talk.create("SieveSystemScript", name="s", contents=script)


def test_passwords_are_judged_kept_and_numbered(talk: Talk) -> None:
    def password(secret: str, **more: str) -> dict[str, Any]:
        return {"@type": "Password", "secret": secret, **more}

    home = domain(talk)
    user = {"variant": "User", "name": "bob", "domainId": home}

    assert refused(talk, "Account", **user, credentials={"0": password("password1")}) == (
        "invalidProperties",
        ["secret"],
    )
    two = {"0": password("correct-horse-Battery"), "1": password("another-horse-Battery")}
    assert refused(talk, "Account", **user, credentials=two) == ("invalidProperties", ["credentials"])
    key = {"0": {"@type": "ApiKey", "secret": "correct-horse-Battery"}}
    assert refused(talk, "Account", **user, credentials=key) == ("invalidProperties", ["credentials"])
    bob = talk.create("Account", **user, credentials={"0": password("$6$rounds=5000$salt$hash")})
    assert talk.read("Account", bob)["credentials"] == {"0": password("****", credentialId="a")}
    assert talk.update("Account", bob, credentials__0__secret="****") is None
    assert talk.update("Account", bob, credentials={"0": password("****")})["properties"] == ["secret"]


def test_an_account_keeps_its_variant_and_a_tag_does_not(talk: Talk) -> None:
    user = talk.create("Account", variant="User", name="a", domainId=domain(talk))
    tag = talk.create("SpamTag", variant="Discard", tag="T")

    assert talk.update("Account", user, variant="Group", name="a")["properties"] == ["@type"]
    assert talk.update("SpamTag", tag, variant="Score", tag="T") is None


# ---- what is live ----------------------------------------------------------------------------------------------


def live(talk: Talk, kind: str) -> list[Any]:
    rows: list[Any] = talk.sandbox.state()["live"][f"x:{kind}"]
    return rows


def test_each_action_makes_its_own_kinds_live(talk: Talk) -> None:
    talk.create("MemoryLookupKey", namespace="n", key="k")
    talk.create("WebHook", url="https://h.example/")
    domain(talk)
    talk.create("NetworkListener", name="extra", bind={"127.0.0.1:2525": True})

    def counts() -> list[int]:
        return [len(live(talk, kind)) for kind in ("MemoryLookupKey", "WebHook", "Domain", "NetworkListener")]

    before = counts()
    run(talk, "ReloadSettings")
    reloaded = counts()
    run(talk, "ReloadLookupStores")
    looked_up = counts()
    talk.sandbox.restart()

    assert [before, reloaded, looked_up, counts()] == [[0, 0, 1, 7], [0, 1, 1, 7], [1, 1, 1, 7], [1, 1, 1, 8]]


def test_a_reload_stops_at_what_it_cannot_take_over(talk: Talk) -> None:
    talk.create("Tracer", variant="Stdout")
    assert run(talk, "ReloadSettings") is None
    second = talk.create("Tracer", variant="Stdout")
    assert run(talk, "ReloadSettings")["objectId"] == {"object": "Tracer", "id": second}
    talk.update("Tracer", second, variant="Journal")
    assert run(talk, "ReloadSettings")["objectId"] == {"object": "Tracer", "id": second}
    talk.call("x:Tracer/set", destroy=[second])
    absent = {"@type": "EnvironmentVariable", "variableName": "ABSENT"}
    directory = talk.create("Directory", variant="Ldap", description="d", baseDn="dc=x", bindSecret=absent)
    assert run(talk, "ReloadSettings")["objectId"] == {"object": "Directory", "id": directory}
    talk.update("Directory", directory, bindSecret__variableName="PRESENT")
    assert run(talk, "ReloadSettings") is None


def test_what_has_ended_goes_with_the_action_of_its_kind_even_where_that_is_refused(talk: Talk) -> None:
    talk.create("AllowedIp", address="192.0.2.1", expiresAt="2020-01-01T00:00:00Z")
    kept = talk.create("AllowedIp", address="192.0.2.2", expiresAt="2999-01-01T00:00:00Z")
    old = {"@type": "Text", "value": certificate("old.example", days=-1)}
    expired = talk.create("Certificate", certificate=old, privateKey={"@type": "Text", "secret": "k"})
    talk.create("Tracer", variant="Journal")

    assert run(talk, "ReloadSettings")["type"] == "validationFailed"
    assert [each["id"] for each in talk.call("x:AllowedIp/get")["list"]] == [kept]
    assert [each["id"] for each in talk.call("x:Certificate/get")["list"]] == [expired]
    run(talk, "ReloadTlsCertificates")
    assert talk.call("x:Certificate/get")["list"] == []


# ---- queries ---------------------------------------------------------------------------------------------------


def ids_of(talk: Talk, kind: str, **conditions: Any) -> list[str]:
    found: list[str] = talk.call(f"x:{kind}/query", filter=conditions)["ids"]
    return sorted(found)


def test_queries_find_by_value_member_variant_and_word(talk: Talk) -> None:
    home = domain(talk, description="Head office", aliases={"alias.example.org": True})
    other = domain(talk, "example.net")
    team = talk.create("Account", variant="Group", name="team", domainId=home)
    user = talk.create("Account", variant="User", name="alice", domainId=other, memberGroupIds={team: True})
    address = talk.create("AllowedIp", address="192.0.2.7")
    role = talk.create("Role", description="Mail operators")

    assert ids_of(talk, "Account", domainId=home) == [team]
    assert ids_of(talk, "Account", memberGroupIds=team) == [user]
    assert ids_of(talk, "Account", **{"@type": "User"}) == [user]
    assert ids_of(talk, "Account", name="alice", domainId=home) == []
    assert ids_of(talk, "Domain", aliases="alias.example.org") == [home]
    assert ids_of(talk, "Domain", text="HEAD") == [home]
    assert ids_of(talk, "AllowedIp", address="192.0.2.7/32") == [address]
    assert ids_of(talk, "Role", description="operators") == [role]
    assert talk.call("x:WebHook/query", filter={"url": "x"})["type"] == "unsupportedFilter"
    assert talk.call("x:Account/query", filter={"domainId": "no id"})["type"] == "unsupportedFilter"
    assert talk.call("x:Role/query", sort=[{"property": "description"}])["type"] == "unsupportedSort"
