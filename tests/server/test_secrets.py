"""Secrets are read late, only from where policy allows, and are never shown."""

import os
from pathlib import Path

import pytest

from reconciler.kinds import load
from reconciler.server.secrets import MAX_SECRET, Allowed, Secrets, within
from reconciler.values.errors import ConfigError
from reconciler.values.model import Address, Change, Sensitive

CATALOGUE = load()


def secrets(allowed: Allowed | None = None, **environment: str) -> Secrets:
    return Secrets(environment, allowed or Allowed())


def refusal(found: Secrets, reference: str) -> str:
    with pytest.raises(ConfigError) as caught:
        found.reveal(Sensitive(reference=reference))
    return str(caught.value)


def test_a_variable_is_revealed() -> None:
    assert secrets(RELAY="canary").reveal(Sensitive(reference="${env:RELAY}")) == "canary"


def test_plain_text_is_revealed() -> None:
    assert secrets().reveal(Sensitive(plain="canary")) == "canary"


def test_a_missing_or_empty_variable_names_itself() -> None:
    found = secrets(EMPTY="")

    assert refusal(found, "${env:RELAY}") == "${env:RELAY} is not set (set RELAY where apply runs)"
    assert refusal(found, "${env:EMPTY}") == "${env:EMPTY} is not set (set EMPTY where apply runs)"


@pytest.mark.parametrize("name", ["STALWART_PASSWORD", "RECONCILER_URL"])
def test_the_programs_own_variables_are_not_read_by_default(name: str) -> None:
    found = Secrets({name: "canary"}, Allowed())

    assert refusal(found, f"${{env:{name}}}") == (
        f"${{env:{name}}} may not be read (policy.secrets.env says which variables may)"
    )


def test_policy_says_which_variables_are_read() -> None:
    found = secrets(Allowed(env=("RELAY_*", "X?")), RELAY_EU="a", XY="b", OTHER="c")

    assert found.reveal(Sensitive(reference="${env:RELAY_EU}")) == "a"
    assert found.reveal(Sensitive(reference="${env:XY}")) == "b"
    assert "may not be read" in refusal(found, "${env:OTHER}")


def test_an_empty_list_allows_nothing() -> None:
    assert "may not be read" in refusal(secrets(Allowed(env=()), RELAY="canary"), "${env:RELAY}")


def test_a_file_below_the_manifests_is_read_without_its_last_line_end(tmp_path: Path) -> None:
    path = tmp_path / "relay"
    path.write_text("can\nary\r\n", newline="")

    assert secrets(Allowed(roots=(str(tmp_path),))).reveal(Sensitive(reference=f"${{file:{path}}}")) == "can\nary"


def test_a_file_of_the_service_manager_is_read(tmp_path: Path) -> None:
    (tmp_path / "relay").write_text("canary")
    found = secrets(CREDENTIALS_DIRECTORY=str(tmp_path))

    assert found.reveal(Sensitive(reference=f"${{file:{tmp_path}/relay}}")) == "canary"


def test_a_file_elsewhere_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "relay").write_text("canary")
    (tmp_path / "below" / "link").symlink_to(tmp_path / "relay")
    found = secrets(Allowed(roots=(str(tmp_path / "below"),)))

    for name in ("relay", "below/../relay", "below/link", "below-too"):
        assert refusal(found, f"${{file:{tmp_path}/{name}}}") == (
            f"${{file:{tmp_path}/{name}}} may not be read (policy.secrets.files says which files may)"
        )


def test_policy_says_which_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.secret").write_text("canary")
    (tmp_path / "other").write_text("canary")
    found = secrets(Allowed(files=(f"{tmp_path}/*.secret",), roots=(str(tmp_path),)))

    assert found.reveal(Sensitive(reference=f"${{file:{tmp_path}/a.secret}}")) == "canary"
    assert "may not be read" in refusal(found, f"${{file:{tmp_path}/other}}")


def test_policy_may_name_a_directory_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "relay").write_text("canary")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = secrets(Allowed(files=(f"{tmp_path}/link/*",)))

    assert found.reveal(Sensitive(reference=f"${{file:{tmp_path}/link/relay}}")) == "canary"


def test_a_link_out_of_an_allowed_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    (tmp_path / "private").write_text("canary")
    (tmp_path / "allowed" / "link").symlink_to(tmp_path / "private")
    found = secrets(Allowed(files=(f"{tmp_path}/allowed/*",)))

    assert "may not be read" in refusal(found, f"${{file:{tmp_path}/allowed/link}}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "cannot be read: it is not UTF-8"),
        (b"x" * (MAX_SECRET + 1), "is larger than 64 KB"),
        (b"****\n", "holds ****, which is what the server shows in place of a secret"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "relay"
    path.write_bytes(content)

    assert refusal(secrets(Allowed(roots=(str(tmp_path),))), f"${{file:{path}}}") == f"${{file:{path}}} {reason}"


def test_a_missing_file_names_itself(tmp_path: Path) -> None:
    found = secrets(Allowed(roots=(str(tmp_path),)))

    assert refusal(found, f"${{file:{tmp_path}/x}}") == (
        f"${{file:{tmp_path}/x}} cannot be read: No such file or directory"
    )


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found = secrets(Allowed(roots=(str(tmp_path),)))

    assert refusal(found, f"${{file:{tmp_path}/pipe}}") == f"${{file:{tmp_path}/pipe}} is no regular file"
    assert refusal(found, f"${{file:{tmp_path}}}") == f"${{file:{tmp_path}}} cannot be read: Is a directory"


def test_a_variable_that_cannot_be_sent_is_refused_before_it_is() -> None:
    assert refusal(secrets(RELAY="\udcff"), "${env:RELAY}") == "${env:RELAY} is not UTF-8"
    assert "holds ****" in refusal(secrets(RELAY="****"), "${env:RELAY}")


def change(**patch: object) -> Change:
    return Change(action="update", address=Address("MtaRoute", "r"), patch=patch)


def gather(found: Secrets, *values: Sensitive) -> None:
    found.gather(CATALOGUE, [change(authSecret={"@type": "Value", "secret": value}) for value in values])


SECRET = Sensitive(reference="${env:OTHER}")


@pytest.mark.parametrize(
    ("kind", "patch", "pointer"),
    [
        ("MtaRoute", {"description": SECRET}, "description"),
        ("MtaRoute", {"@type": "Relay", "name": SECRET, "address": "a.example"}, "name"),
        ("MtaRoute", {"authSecret": SECRET}, "authSecret"),
        ("MtaRoute", {"authSecret": {"@type": "File", "filePath": SECRET}}, "authSecret/filePath"),
        ("MtaRoute", {"authSecret/variableName": SECRET}, "authSecret/variableName"),
        ("MtaRoute", {"authSecret": {"@type": "Value", "secret": {"deeper": SECRET}}}, "authSecret/secret/deeper"),
        ("MtaRoute", {"nothing": SECRET}, "nothing"),
        ("MtaRoute", {"nothing/at/all": {"x": SECRET}}, "nothing/at/all/x"),
        ("MtaMilter", {"stages": {"data": SECRET}}, "stages/data"),
        ("MtaMilter", {"enable": {"match": {"0": {"if": "1", "then": SECRET}}, "else": "1"}}, "enable/match/0/then"),
        ("MtaMilter", {"enable/else": SECRET}, "enable/else"),
        ("MtaConnectionStrategy", {"sourceIps": {"0": {"sourceIp": SECRET}}}, "sourceIps/0/sourceIp"),
        ("MtaConnectionStrategy", {"sourceIps": {"0": SECRET}}, "sourceIps/0"),
    ],
)  # fmt: skip
def test_no_secret_is_sent_to_where_the_server_would_show_it(kind: str, patch: dict[str, object], pointer: str) -> None:
    found = secrets(OTHER="canary")

    with pytest.raises(ConfigError) as caught:
        found.gather(CATALOGUE, [Change(action="update", address=Address(kind, "r"), patch=patch)])
    assert caught.value.message == f"{kind}/r {pointer}: a secret may not stand there: the server would show it"


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("MtaRoute", {"authSecret": {"@type": "Value", "secret": SECRET}}),
        ("MtaRoute", {"authSecret/secret": SECRET}),
        ("MtaHook", {"httpAuth": {"@type": "Bearer", "bearerToken": {"@type": "Value", "secret": SECRET}}}),
    ],
)
def test_a_secret_is_sent_to_where_the_catalogue_has_one(kind: str, patch: dict[str, object]) -> None:
    found = secrets(OTHER="canary")

    found.gather(CATALOGUE, [Change(action="update", address=Address(kind, "r"), patch=patch)])

    assert found.scrub("canary") == "(sensitive)"


def test_every_secret_of_a_change_is_found() -> None:
    first, second = Sensitive(reference="${env:A}"), Sensitive(plain="b")

    assert list(within(change(x={"y": {"secret": first}}, z=second, n=1).patch)) == [first, second]


def test_gathering_resolves_all_or_raises() -> None:
    found = secrets(A="a")

    with pytest.raises(ConfigError, match=r"\$\{env:B\} is not set"):
        gather(found, Sensitive(reference="${env:A}"), Sensitive(reference="${env:B}"))


def test_secrets_are_taken_out_of_a_text_that_came_from_outside() -> None:
    found = secrets(LONG="canary-long", SHORT="canary", QUOTED='say "hi"')
    names = ("LONG", "SHORT", "QUOTED")
    gather(found, Sensitive(plain="plain-one"), *(Sensitive(reference=f"${{env:{n}}}") for n in names))

    text = found.scrub('canary-long; canary; plain-one; say "hi"; say \\"hi\\"; sensitive')

    assert text == "(sensitive); (sensitive); (sensitive); (sensitive); (sensitive); sensitive"


def test_what_replaces_a_secret_is_not_searched_for_another() -> None:
    found = secrets(A="canary", B="sensitive")
    gather(found, Sensitive(reference="${env:A}"), Sensitive(reference="${env:B}"))

    assert found.scrub("canary") == "(sensitive)"


def test_nothing_is_taken_out_where_there_are_no_secrets() -> None:
    assert secrets().scrub("a plain message") == "a plain message"


def test_secrets_print_as_nothing() -> None:
    found = secrets(A="canary")
    found.reveal(Sensitive(reference="${env:A}"))

    assert repr(found) == str(found) == "(sensitive)"
    assert repr(Sensitive(plain="canary")) == str(Sensitive(plain="canary")) == "(sensitive)"
