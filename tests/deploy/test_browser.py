"""The page of a plan, as a person sees it: opened in a real browser, searched, and without a script."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox import serve
from tests.deploy.browser import Browser, browser
from tests.running import command, environment

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STRATEGY = """\
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {{if: is_local_domain(rcpt_domain), use: local}}
      - {{if: "rcpt_domain == 'partner.example'", use: relay-{partner}}}
    use: mx
---
kind: MtaMilter
spec: {{hostname: 127.0.0.1, port: 11332, stages: [data], timeoutData: {timeout}, enable: "listener == '</script>'"}}
"""


def manifests(place: Path, numbers: range, port: int, **more: str) -> str:
    """Write routes of these numbers, what chooses among them, and a filter."""
    place.mkdir()
    route = "kind: MtaRoute\nspec: {{type: Relay, name: relay-{n}, address: smtp-{n}.example.net, port: {port}}}\n"
    (place / "routes.yaml").write_text("---\n".join(route.format(n=n, port=port) for n in numbers))
    (place / "strategy.yaml").write_text(STRATEGY.format(**more))
    return str(place)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a plan of 40 changes: 35 routes to update, 2 to create, 1 to destroy, a choice and a filter."""
    place = tmp_path_factory.mktemp("plan")
    old = manifests(place / "old", range(36), 587, partner="0", timeout="1m")
    new = manifests(place / "new", range(1, 38), 2525, partner="37", timeout="2m")
    with serve(user="admin", password="secret") as sandbox:
        env = environment(sandbox.url, XDG_RUNTIME_DIR=str(place))
        assert command("apply", "--yes", old, env=env).code == 0
        ran = command("plan", "--prune", "--format", "html", new, env=env)
    assert ran.code == 0, ran.err
    (place / "plan.html").write_text(ran.out)
    return place / "plan.html"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    place = tmp_path_factory.mktemp("profile")
    with browser(place) as running:
        yield running
    shutil.rmtree(place, ignore_errors=True)


#: How many changes can be seen: neither hidden nor in what is folded.
SEEN = "[...document.querySelectorAll('article')].filter(each => each.checkVisibility()).length"
SEARCH = """(() => {{ const field = document.querySelector('input[type=search]');
field.value = {words!r}; field.dispatchEvent(new Event('input')); return {seen}; }})()"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_page_asks_for_nothing_complains_of_nothing_and_fits(
    page: Path, opened: Browser, width: int, *, dark: bool
) -> None:
    opened.open(page, width=width, dark=dark)

    assert opened.requests() == [page.as_uri()]
    assert opened.complaints() == []
    assert opened.value("document.documentElement.scrollWidth") == width
    assert opened.value("getComputedStyle(document.body).backgroundColor") == (
        "rgb(15, 19, 24)" if dark else "rgb(255, 255, 255)"
    )


def test_search_narrows_to_the_changes_with_all_words_and_gives_them_back(page: Path, opened: Browser) -> None:
    opened.open(page)

    found = [opened.value(SEARCH.format(words=words, seen=SEEN)) for words in ("relay-3", "SMTP-3 2525", "nothing", "")]
    told = opened.value(
        SEARCH.format(words="update relay-3", seen="document.querySelector('[role=status]').textContent")
    )

    # relay-3, relay-30 to relay-37, and what chooses relay-37; only two creates tell an address.
    assert found == [10, 2, 0, 0]
    assert told == "8 of 39 changes"
    assert opened.complaints() == []


def test_destroys_stay_in_sight_whatever_is_searched(page: Path, opened: Browser) -> None:
    opened.open(page)
    opened.value(SEARCH.format(words="nothing", seen=SEEN))

    box = opened.value(
        "(() => { const box = document.querySelector('.doomed').getBoundingClientRect(); return box.top })()"
    )
    assert 0 < box < 600
    assert "MtaRoute/relay-0" in opened.value("document.querySelector('.doomed').innerText")


def test_picture_shows_where_mail_goes_before_and_after(page: Path, opened: Browser) -> None:
    opened.open(page)

    sizes = opened.value(
        "[...document.querySelectorAll('#routing svg')].map(each => each.getBoundingClientRect())"
        ".map(each => [each.width > 400, each.height > 100])"
    )
    texts = opened.value("[...document.querySelectorAll('#routing figure')].map(each => each.textContent)")
    assert sizes == [[True, True]] * 2
    assert ["MtaRoute/relay-0" in texts[0], "MtaRoute/relay-37" in texts[0]] == [True, False]
    # The broken arrow leads to where mail to the partner went before.
    assert ["MtaRoute/relay-0" in texts[1], "MtaRoute/relay-37" in texts[1]] == [True, True]
    assert opened.value("document.querySelectorAll('#routing .moves').length") == 2


def test_without_a_script_everything_is_there_but_the_search(page: Path, opened: Browser) -> None:
    opened.open(page, script=False)
    tree = opened.ask("DOM.getDocument", depth=-1)["root"]["nodeId"]

    def count(selector: str) -> int:
        return len(opened.ask("DOM.querySelectorAll", nodeId=tree, selector=selector)["nodeIds"])

    assert [count(each) for each in ("article", ".doomed li", "#routing svg", ".flow", ".search[hidden]")] == [
        *(39, 1, 2),
        count(".mail .flow"),
        1,
    ]
