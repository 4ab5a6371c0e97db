"""Actions, and what is live as opposed to stored."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import Sandbox
from tests.talk import Talk, invalid_patch

RELOAD = {"@type": "ReloadSettings"}


def live(talk: Talk, kind: str = "MtaRoute") -> list[str]:
    return [each.get("name") or each["hostname"] for each in talk.sandbox.state()["live"][f"x:{kind}"]]


def reload(talk: Talk) -> Any:
    """Return the SetError of a reload, or None."""
    return talk.call("x:Action/set", create={"a": RELOAD}).get("notCreated", {}).get("a")


def secret_route(talk: Talk, **secret: str) -> str:
    authority = {("@type" if name == "variant" else name): value for name, value in secret.items()}
    return talk.create("MtaRoute", variant="Relay", name="r", address="a.example.net", authSecret=authority)


def test_changes_are_live_only_after_a_reload() -> None:
    talk = Talk()
    talk.create("MtaRoute", variant="Mx", name="new")
    assert live(talk) == ["mx", "local"]

    assert reload(talk) is None
    assert live(talk) == ["mx", "local", "new"]


def test_singletons_are_live_with_their_defaults() -> None:
    talk = Talk()
    assert talk.update("MtaSts", "singleton", mode="enforce") is None

    modes = [talk.sandbox.state()[which]["x:MtaSts"][0]["mode"] for which in ("stored", "live")]

    assert modes == ["enforce", "testing"]


def test_missing_variable_refuses_the_reload_as_a_whole() -> None:
    environment: dict[str, str] = {}
    talk = Talk(Sandbox(environment=environment))
    talk.create("MtaRoute", variant="Mx", name="good")
    new = secret_route(talk, variant="EnvironmentVariable", variableName="RELAY")
    refusal = {
        "type": "validationFailed",
        "description": "Environment variable 'RELAY' not found",
        "objectId": {"object": "MtaRoute", "id": new},
    }

    assert reload(talk) == refusal
    environment["RELAY"] = ""
    assert reload(talk) == refusal
    assert live(talk) == ["mx", "local"]
    environment["RELAY"] = "x"
    assert reload(talk) is None
    assert live(talk) == ["mx", "local", "good", "r"]


def test_missing_or_empty_file_refuses_the_reload(tmp_path: Path) -> None:
    talk = Talk()
    file = tmp_path / "secret"
    secret_route(talk, variant="File", filePath=str(file))

    assert reload(talk)["type"] == "validationFailed"
    file.write_text("\n")
    assert reload(talk)["type"] == "validationFailed"
    file.write_text("s3cret\n")
    assert reload(talk) is None


def test_secret_within_a_secret_is_looked_up_too() -> None:
    talk = Talk(Sandbox(environment={}))
    token = {"@type": "EnvironmentVariable", "variableName": "TOKEN"}
    new = talk.create("MtaHook", url="u", httpAuth={"@type": "Bearer", "bearerToken": token})

    assert reload(talk)["objectId"] == {"object": "MtaHook", "id": new}


def test_unresolvable_host_blocks_every_reload_until_it_is_mended() -> None:
    talk = Talk()
    bad = talk.create("MtaMilter", hostname="nosuchhost.invalid")
    words = "failed to lookup address information: Name or service not known"

    assert reload(talk) == {
        "type": "validationFailed",
        "description": f"Unable to resolve milter hostname nosuchhost.invalid: {words}",
        "objectId": {"object": "MtaMilter", "id": bad},
    }
    talk.call("x:MtaRoute/set", destroy=talk.call("x:MtaRoute/query")["ids"])
    assert reload(talk)["type"] == "validationFailed"
    assert live(talk) == ["mx", "local"]
    assert talk.update("MtaMilter", bad, hostname="milter.example.net") is None
    assert reload(talk) is None
    assert (live(talk), live(talk, "MtaMilter")) == ([], ["milter.example.net"])


def test_relay_address_is_not_resolved_at_reload() -> None:
    talk = Talk()
    talk.create("MtaRoute", variant="Relay", name="r", address="nosuchhost.invalid")

    assert reload(talk) is None


def test_start_goes_on_without_what_cannot_be_resolved(tmp_path: Path) -> None:
    database = tmp_path / "db"
    first = Talk(Sandbox(database=database, environment={}))
    first.create("MtaMilter", hostname="nosuchhost.invalid")
    secret_route(first, variant="EnvironmentVariable", variableName="RELAY")
    first.sandbox.close()

    state = Sandbox(database=database, environment={}).state()

    assert (len(state["stored"]["x:MtaMilter"]), state["live"]["x:MtaMilter"]) == (1, [])
    assert [route["authSecret"] for route in state["live"]["x:MtaRoute"][2:]] == [{"@type": "None"}]
    assert [route["authSecret"]["@type"] for route in state["stored"]["x:MtaRoute"][2:]] == ["EnvironmentVariable"]


def test_actions_are_neither_kept_nor_found() -> None:
    talk = Talk()
    new = talk.call("x:Action/set", create={"a": RELOAD})["created"]["a"]["id"]

    assert talk.call("x:Action/get") == {"list": [], "notFound": []}
    assert talk.call("x:Action/get", ids=[new]) == {"list": [], "notFound": [new]}
    assert talk.call("x:Action/query") == {"type": "invalidArguments", "description": "Actions cannot be queried"}
    assert talk.call("x:Action/set", update={new: {}, "b": {}}, destroy=[new]) == {
        "notUpdated": {
            new: {"type": "willDestroy", "description": "ID will be destroyed."},
            "b": {"type": "forbidden", "description": "Actions cannot be updated"},
        },
        "notDestroyed": {new: {"type": "forbidden", "description": "Actions cannot be destroyed"}},
    }


@pytest.mark.parametrize("action", [{"@type": "Explode"}, {"@type": None}, {}, None, 5])
def test_unknown_actions_are_refused(action: Any) -> None:
    refusal = Talk().call("x:Action/set", create={"a": action})["notCreated"]["a"]

    assert refusal == invalid_patch("Missing or invalid '@type' property in object", "")


def test_other_actions_do_nothing() -> None:
    talk = Talk()
    talk.create("MtaRoute", variant="Mx", name="new")

    assert list(talk.call("x:Action/set", create={"a": {"@type": "InvalidateCaches"}})["created"]) == ["a"]
    assert live(talk) == ["mx", "local"]


def test_reload_needs_two_permissions() -> None:
    users = {
        "one": ("pw", ["authenticate", "sysActionCreate"]),
        "two": ("pw", ["authenticate", "actionReloadSettings"]),
    }
    sandbox = Sandbox(users=users)
    words = "Insufficient permissions to perform action of type ReloadSettings"

    assert reload(Talk(sandbox, "one", "pw")) == {"type": "forbidden", "description": words}
    assert Talk(sandbox, "two", "pw").call("x:Action/set", create={"a": RELOAD})["type"] == "forbidden"


def test_writes_and_requests_are_counted() -> None:
    talk = Talk()
    new = talk.create("MtaRoute", variant="Mx", name="new")
    assert talk.update("MtaRoute", new, maxMxHosts=5) is None
    assert talk.update("MtaRoute", new, maxMxHosts=6) is None
    talk.call("x:MtaRoute/set", destroy=[new, "zz"])
    reload(talk)
    talk.get("/healthz/live")
    talk.get("/sandbox")

    state = talk.sandbox.state()

    assert (state["writes"], state["requests"]) == (4, 6)
