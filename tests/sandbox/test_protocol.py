"""The transport: paths, credentials, the session, and requests that are refused as a whole."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox import Limits, Reply, Sandbox
from reconciler.sandbox.ids import canonical, parse, text, well_formed_state
from tests.talk import USING, Talk

NOT_REQUEST = "urn:ietf:params:jmap:error:notRequest"
LIMIT = "urn:ietf:params:jmap:error:limit"


def document(reply: Reply) -> Any:
    return json.loads(reply.body)


def status_of(body: bytes | str) -> int:
    return Talk().send(body).status


def with_calls(calls: str) -> str:
    return f'{{"using":["urn:ietf:params:jmap:core"],"methodCalls":[{calls}]}}'


# ---- paths -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/jmap", "/jmap/", "/jmap//", "/jmap/?x=1"])
def test_endpoint_answers_at_its_spellings(path: str) -> None:
    assert Talk().send(json.dumps({"using": [], "methodCalls": []}), path=path).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api"), ("POST", "/jmap/api"), ("GET", "/jmap"), ("PUT", "/jmap"), ("POST", "/jmap/session")],
)
def test_other_paths_are_not_found(method: str, path: str) -> None:
    reply = Talk().send(b"", method, path)

    assert (reply.status, document(reply)["title"]) == (404, "Not Found")


def test_options_is_answered_empty_everywhere() -> None:
    assert Talk().send(b"", "OPTIONS", "/nowhere") == Reply(204)


def test_discovery_redirects_to_the_session() -> None:
    reply = Sandbox().handle("GET", "/.well-known/jmap", {})

    assert reply == Reply(307, (("Location", "/jmap/session"), ("Cache-Control", "no-cache")))


@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready"])
def test_health_needs_no_credentials(path: str) -> None:
    reply = Sandbox().handle("GET", path, {})

    assert reply.body == b'{"detail":"OK","status":200,"title":"OK","type":"about:blank"}'


def test_root_redirects_to_the_account_pages() -> None:
    assert Sandbox().handle("GET", "/", {}) == Reply(302, (("Location", "/account"),))
    assert Sandbox().handle("GET", "/account", {}) == Reply(302, (("Location", "/account/"),))


# ---- credentials -----------------------------------------------------------------------------------------------


def test_missing_and_wrong_credentials_get_the_same_challenge() -> None:
    missing = Talk().send("{}", Authorization="")
    wrong = Talk(password="nonsense").send("{}")

    assert missing == wrong
    assert document(wrong) == {
        "type": "about:blank",
        "status": 401,
        "title": "Unauthorized",
        "detail": "You have to authenticate first.",
    }
    assert [name for name, _ in wrong.headers] == ["Content-Type", "WWW-Authenticate", "WWW-Authenticate"]


@pytest.mark.parametrize("name", ["admin", " Admin ", "ADMIN@example.org"])
def test_user_names_are_trimmed_and_lower_cased(name: str) -> None:
    assert Talk(user=name).get("/api/account").status == 200


@pytest.mark.parametrize("header", ["Basic !", "Basic YWRtaW4=", "Digest x", "bearer unknown", "nonsense"])
def test_malformed_credentials_are_refused(header: str) -> None:
    assert Talk().get("/jmap/session", Authorization=header).status == 401


def test_a_key_works_as_bearer_and_not_as_password() -> None:
    sandbox = Sandbox(tokens={"API_key": "admin"})

    assert Talk(sandbox).get("/api/account", Authorization="BEARER API_key").status == 200
    assert Talk(sandbox, password="API_key").get("/api/account").status == 401


def test_user_without_authenticate_is_forbidden() -> None:
    sandbox = Sandbox(users={"ops": ("pw", ["sysMtaRouteGet"])})

    assert Talk(sandbox, "ops", "pw").get("/jmap/session").status == 403


def test_account_tells_the_permissions_held() -> None:
    sandbox = Sandbox(users={"ops": ("pw", ["sysMtaRouteGet", "authenticate"])})

    told = document(Talk(sandbox, "ops", "pw").get("/api/account"))

    assert told == {"permissions": ["authenticate", "sysMtaRouteGet"], "edition": "oss", "locale": "en_US"}
    assert "actionReloadSettings" in document(Talk(sandbox).get("/api/account"))["permissions"]


def test_failed_logins_block_the_address() -> None:
    sandbox = Sandbox(limits=Limits(max_failed_logins=2))
    wrong = Talk(sandbox, password="x")

    statuses = [wrong.get("/api/account").status for _ in range(4)]

    assert statuses == [401, 401, 429, 403]
    assert Talk(sandbox).get("/healthz/live").body == (
        b'{"detail":"Forbidden","status":403,"title":"Forbidden","type":"about:blank"}'
    )
    assert sandbox.handle("GET", "/healthz/live", {}, peer="192.0.2.9").status == 200


def test_wrong_bearer_tokens_block_nobody() -> None:
    talk = Talk(Sandbox(limits=Limits(max_failed_logins=1)))

    assert [talk.get("/api/account", Authorization="Bearer x").status for _ in range(3)] == [401, 401, 401]


def test_requests_above_the_rate_are_told_to_wait() -> None:
    talk = Talk(Sandbox(limits=Limits(max_requests_per_minute=1)))
    body = json.dumps({"using": [], "methodCalls": []})
    while talk.send(body).status == 200:
        pass  # a minute may have begun in between

    reply = talk.send(body)
    headers = dict(reply.headers)

    assert (reply.status, document(reply)["title"]) == (429, "Too Many Requests")
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert headers["RateLimit-Policy"] == '"requests";q=1'


# ---- the session -----------------------------------------------------------------------------------------------


def test_anonymous_session_is_answered_and_nearly_empty() -> None:
    session = document(Sandbox().handle("GET", "/jmap/session", {}))

    assert {name: session[name] for name in ("accounts", "primaryAccounts", "username", "state")} == {
        "accounts": {},
        "primaryAccounts": {},
        "username": "",
        "state": "0",
    }


def test_session_tells_limits_and_names_stalwart_only_with_the_account() -> None:
    session = document(Talk().get("/jmap/session"))
    core = session["capabilities"]["urn:ietf:params:jmap:core"]

    assert list(session) == [
        *("capabilities", "accounts", "primaryAccounts", "username", "apiUrl"),
        *("downloadUrl", "uploadUrl", "eventSourceUrl", "state"),
    ]
    assert "urn:stalwart:jmap" not in session["capabilities"]
    assert session["primaryAccounts"]["urn:stalwart:jmap"] == "d333333"
    assert session["accounts"]["d333333"]["accountCapabilities"]["urn:stalwart:jmap"] == {}
    assert (core["maxCallsInRequest"], core["maxObjectsInGet"], core["maxConcurrentRequests"]) == (16, 500, 4)
    assert session["apiUrl"] == "https://mail.example.org/jmap/"


def test_session_urls_are_relative_in_recovery_mode() -> None:
    session = document(Talk(Sandbox(public_url="")).get("/jmap/session/"))

    assert session["apiUrl"] == "/jmap/"


def test_session_state_is_the_state_of_every_answer() -> None:
    talk = Talk()

    assert talk.request()["sessionState"] == document(talk.get("/jmap/session"))["state"]


# ---- requests that are refused as a whole ----------------------------------------------------------------------


def test_refused_request_is_echoed_whole() -> None:
    reply = Talk().send('{"password": "hunter2"')

    assert document(reply) == {"type": NOT_REQUEST, "status": 400, "detail": '{"password": "hunter2"'}
    assert dict(reply.headers)["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xef\xbb\xbf" + json.dumps({"using": [], "methodCalls": []}).encode(),
        b'{"using":[],"methodCalls":[]}x',
        b'{"using":[],"methodCalls":[],"x":"\xff"}',
        b'{"methodCalls":[]}',
        b'{"using":[]}',
        b'{"using":null,"methodCalls":[]}',
        b'{"using":[],"methodCalls":null}',
        b'{"using":["urn:example:nothing"],"methodCalls":[]}',
        b'{"\\u0075sing":[],"methodCalls":[]}',
        b'{"using":[],"methodCalls":[],"createdIds":{"a":5}}',
        b'{"using":[],"methodCalls":[],"createdIds":{"a":"not an id"}}',
        b'{"using":[],"methodCalls":[],"createdIds":[]}',
        with_calls('["Core/echo",{}]').encode(),
        with_calls('["Core/echo",{},"0",1]').encode(),
        with_calls('["Core/echo",{},0]').encode(),
        with_calls('[5,{},"0"]').encode(),
        with_calls('{"name":"Core/echo"}').encode(),
        b"[" * 200_000,
        with_calls('["Core/echo",' + "[" * 130 + "]" * 130 + ',"0"]').encode(),
    ],
)
def test_request_that_makes_no_sense_is_refused(body: bytes) -> None:
    assert document(Talk().send(body))["type"] == NOT_REQUEST


@pytest.mark.parametrize(
    "body",
    [
        '{"using":[],"methodCalls":[],"unknown":{"a":[1]}}',
        '{"using":[],"methodCalls":[],"createdIds":null}',
        '{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["\\u0043ore/echo",{"\\u0061":"\\n"},"\\t"]]}',
        with_calls('["Core/echo",' + "[" * 100 + "]" * 100 + ',"0"]'),
    ],
)
def test_request_may_hold_what_is_not_understood(body: str) -> None:
    assert status_of(body) == 200


@pytest.mark.parametrize("media", ["text/plain", "application/jmap+json", "application/jsonx"])
def test_other_media_types_are_refused(media: str) -> None:
    reply = Talk().send("{}", Content_Type=media)

    assert document(reply) == {
        "type": "urn:ietf:params:jmap:error:notJSON",
        "status": 400,
        "detail": "Failed to parse JSON: The Content-Type header must be application/json.",
    }


@pytest.mark.parametrize("media", ["", "Application/JSON", "application/json ; charset=latin-1"])
def test_media_type_may_be_absent_or_have_parameters(media: str) -> None:
    assert Talk().send('{"using":[],"methodCalls":[]}', Content_Type=media).status == 200


def test_seventeen_calls_are_too_many() -> None:
    reply = Talk().send(json.dumps({"using": USING, "methodCalls": [["Core/echo", {}, "0"]] * 17}))

    assert (reply.status, document(reply)["type"], document(reply)["limit"]) == (400, LIMIT, "maxCallsInRequest")


def test_large_request_is_refused_with_status_400() -> None:
    sandbox = Sandbox(limits=Limits(max_size_request=100))

    assert document(Talk(sandbox).send(b" " * 101))["limit"] == "maxSizeRequest"
    assert document(Talk(sandbox).send(b" " * 100))["type"] == NOT_REQUEST


# ---- arguments of the wrong type -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("get", '"ids":5'),
        ("get", '"accountId":null'),
        ("get", '"accountId":"\\u0061"'),
        ("get", '"ids":["a",null]'),
        ("get", '"properties":["name"],"ids":true'),
        ("get", '"#ids":{"resultOf":"0","path":"/ids","name":"x:Nothing/get"}'),
        ("get", '"#ids":{"resultOf":"0","name":"x:MtaRoute/query"}'),
        ("query", '"limit":-1'),
        ("query", '"position":1.5'),
        ("query", '"position":2147483648'),
        ("query", '"calculateTotal":"yes"'),
        ("query", '"sort":[{"property":5}]'),
        ("query", '"sort":[{"property":"name","isAscending":null}]'),
        ("query", '"filter":"name"'),
        ("query", '"filter":{"name":"a","conditions":[]}'),
        ("query", '"filter":{"conditions":[],"operator":"XOR"}'),
        ("set", '"create":5'),
        ("set", '"destroy":["\\u0061"]'),
        ("set", '"ifInState":"wrong"'),
    ],
)
def test_wrong_argument_at_the_end_fails_the_call(method: str, arguments: str) -> None:
    body = with_calls(f'["x:MtaRoute/{method}",{{{arguments}}},"a"],["Core/echo",{{}},"b"]')

    (failed, echo) = document(Talk().send(body))["methodResponses"]

    assert (failed[0], failed[1]["type"], failed[2]) == ("error", "invalidArguments", "a")
    assert echo == ["Core/echo", {}, "b"]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("get", '"ids":5,"properties":["name"]'),
        ("get", '"ids":{"a":1}'),
        ("get", '"ids":[null,"a"]'),
        ("get", '"ids":["a",[]]'),
        ("get", '"\\u0069ds":null'),
        ("get", '"accountId":null,"ids":[]'),
        ("get", '"#ids":{"resultOf":"0","name":"x:Nothing/get","path":"/ids"}'),
        ("get", '"#ids":{"resultOf":"0","name":["x"],"path":"/ids"}'),
        ("query", '"filter":{"operator":"XOR","conditions":[]}'),
        ("query", '"filter":[{"name":"a"}]'),
        ("query", '"filter":{"conditions":{}}'),
        ("query", '"sort":{"property":"name"}'),
        ("query", '"sort":["name","id"]'),
        ("query", '"limit":-1,"position":0'),
        ("set", '"create":[]'),
        ("set", '"update":{"\\u0061":{}}'),
        ("set", '"ifInState":"wrong","create":{}'),
        ("set", '"destroy":"a","create":{}'),
    ],
)
def test_wrong_argument_that_is_followed_by_more_fails_the_request(method: str, arguments: str) -> None:
    body = with_calls(f'["Core/echo",{{}},"a"],["x:MtaRoute/{method}",{{{arguments}}},"b"]')

    assert document(Talk().send(body)) == {"type": NOT_REQUEST, "status": 400, "detail": body}


@pytest.mark.parametrize(("value", "status"), [("null", 200), ("5", 200), ("[]", 400)])
def test_arguments_that_are_no_object(value: str, status: int) -> None:
    assert status_of(with_calls(f'["x:MtaRoute/get",{value},"0"]')) == status


def test_escapes_are_fine_where_the_server_unescapes() -> None:
    create = '"create":{"\\u0061":{"@type":"Mx","\\u006eame":"\\u0072"}}'

    reply = Talk().send(with_calls(f'["x:MtaRoute/set",{{{create}}},"0"]'))

    assert list(document(reply)["methodResponses"][0][1]["created"]) == ["a"]


# ---- calls -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("x:MtaRoute/changes", "x:MtaRoute/queryChanges", "x:MtaRoute/copy", "x:MtaOutboundStrategy/query"),
        *("MtaRoute/get", "x:mtaRoute/get", "x:MtaRoute", "x:Nothing/get", "x:Action/changes", "Core/get"),
    ],
)
def test_unknown_method_fails_alone(name: str) -> None:
    answers = Talk().calls((name, {"ids": 5, "any": "thing"}), ("Core/echo", {"a": 1}))

    assert answers == [("error", {"type": "unknownMethod", "description": name}), ("Core/echo", {"a": 1})]


def test_echo_needs_its_capability_and_stalwart_objects_need_none() -> None:
    (echo, routes) = Talk().calls(("Core/echo", {}), ("x:MtaRoute/get", {"ids": []}), using=[])

    assert echo == (
        "error",
        {
            "type": "unknownMethod",
            "description": "Method Core/echo requires capability urn:ietf:params:jmap:core"
            ' which is not present in the "using" property.',
        },
    )
    assert routes == ("x:MtaRoute/get", {"list": [], "notFound": []})


def test_created_ids_come_back_only_where_they_were_asked_for() -> None:
    create = ("x:MtaRoute/set", {"create": {"a": {"@type": "Mx", "name": "r"}}})

    with_ids = Talk().request(create, createdIds={"z": "b"})
    without = Talk().request(create)

    new = with_ids["methodResponses"][0][1]["created"]["a"]["id"]
    assert with_ids["createdIds"] == {"z": "b", "a": new}
    assert "createdIds" not in without


@pytest.mark.parametrize(
    ("account", "echoed"), [(None, "d333333"), ("not an id", "d333333"), ("zz", "zz"), ("abc", "bc"), ("", "a")]
)
def test_account_is_echoed_or_ones_own(account: str | None, echoed: str) -> None:
    arguments = {"ids": []} if account is None else {"accountId": account, "ids": []}

    assert Talk().request(("x:MtaRoute/get", arguments))["methodResponses"][0][1]["accountId"] == echoed


# ---- permissions -----------------------------------------------------------------------------------------------


def restricted(*permissions: str) -> Talk:
    return Talk(Sandbox(users={"ops": ("pw", ["authenticate", *permissions])}), "ops", "pw")


def forbidden(description: str) -> dict[str, str]:
    return {"type": "forbidden", "description": description}


def test_reading_needs_its_permission() -> None:
    talk = restricted("sysMtaRouteQuery")
    refusal = forbidden("You are not authorized to perform this action")

    assert talk.call("x:MtaRoute/get", ids=[]) == refusal
    assert talk.call("x:MtaMilter/query") == refusal
    assert len(talk.call("x:MtaRoute/query")["ids"]) == 2


def test_set_without_any_permission_is_refused_even_when_empty() -> None:
    words = "You are not authorized to create, update or destroy objects of this type"

    assert restricted("sysMtaRouteGet").call("x:MtaRoute/set") == forbidden(words)


def test_one_missing_permission_refuses_the_whole_set() -> None:
    talk = restricted("sysMtaRouteCreate")

    refused = talk.call("x:MtaRoute/set", create={"a": {"@type": "Mx", "name": "r"}}, destroy=["b"])

    assert refused == forbidden("You are not authorized to destroy objects of this type")
    assert talk.call("x:MtaRoute/set", destroy=[]) == {}
    assert talk.sandbox.state()["writes"] == 0


def test_creating_a_singleton_needs_only_update() -> None:
    talk = restricted("sysMtaStsUpdate")

    assert talk.call("x:MtaSts/set", create={"a": {}}) == {"created": {"a": {"id": "singleton"}}}


def test_another_account_needs_impersonation() -> None:
    talk = restricted("sysMtaRouteGet")

    assert talk.call("x:MtaRoute/get", ids=[], accountId="zz") == forbidden("You are not an owner of account zz")
    assert talk.call("x:MtaRoute/get", ids=[], accountId="b") == {"list": [], "notFound": []}


# ---- ids -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**64 - 1))
def test_every_number_survives_its_text(number: int) -> None:
    assert parse(text(number)) == number
    assert canonical("a" + text(number)) == text(number)


def test_ids_have_the_spelling_of_the_server() -> None:
    assert [text(n) for n in (0, 1, 31, 32, 20080258862541, 2**64 - 1)] == [
        *("a", "b", "3", "ba", "singleton", "p333333333333"),
    ]
    assert (parse(""), parse("KZ"), parse("A"), parse("4"), parse("a b")) == (0, parse("kz"), None, None, None)


@given(st.text(max_size=12))
def test_any_text_is_an_id_or_is_not(value: str) -> None:
    number = parse(value)

    assert number is None or canonical(value) == text(number)


@pytest.mark.parametrize(
    ("state", "good"), [("n", True), ("sae", True), ("s", False), ("sq", False), ("raeaeae", True), ("", False)]
)
def test_states_that_parse(state: str, good: bool) -> None:
    assert well_formed_state(state) is good


def test_basic_credentials_may_hold_colons() -> None:
    sandbox = Sandbox(password="a:b")
    header = "Basic " + base64.b64encode(b"admin:a:b").decode()

    assert sandbox.handle("GET", "/api/account", {"authorization": header}).status == 200
