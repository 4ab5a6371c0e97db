"""The order in which a reviewer reads a plan, in Markdown and on a page."""

import re

from markdown_it import MarkdownIt
from msgspec import UNSET
from msgspec.structs import replace

from reconciler.report import Page, render
from tests.report.whole import whole_plan

PLAN = whole_plan()
assert PLAN.movement is not UNSET
assert PLAN.ending is not UNSET
MOVEMENT, ENDING = PLAN.movement, PLAN.ending


def test_markdown_tells_what_cannot_be_undone_before_it_can_be_done() -> None:
    text = render(PLAN, "markdown", Page())

    wanted = (
        *("## reconciler plan `prod`: refused, 1 destroy", "`http://mail.example.org`, as `admin`", "`0123456789ab`"),
        *("`#7`", "Stalwart `0.16.19`", "Digest `", "**Plan: 1 to create", "> - `plain http`"),
        *("> - `policy: maxDestroy 30% -> 0`", "**STOP**", "--max-destroy 1 lifts this", "### Destroys (1)"),
        *("`MtaRoute/retired`: `no manifest declares it`", "address: old.example.net", "### Mail that moves"),
        *("Witness a@example.org -> b@partner.example.", "### Changes (4)", "@@ m.yaml @@", "### Tests that pass now"),
        *("`partners go to the old gateway (t.yaml:3)`", "### Afterwards", "reloads its settings"),
        *("`reconciler rollback j.jsonl` undoes it", "cannot be undone: `MtaRoute/gateway`"),
    )
    places = [text.find(each) for each in wanted]
    assert -1 not in places
    assert places == sorted(places)


def test_destroys_and_mail_are_not_folded_and_changes_are() -> None:
    text = render(PLAN, "markdown", Page())

    folded = "".join(re.findall("<details.*?</details>", text, re.DOTALL))
    assert "MtaRoute/retired" not in folded.replace("'retired'", "")
    assert "Mail that moves" not in folded
    assert "@@ m.yaml @@" in folded


def test_asked_fields_come_before_those_that_are_left_out() -> None:
    (milter,) = (each for each in PLAN.changes if each.address.startswith("MtaMilter"))
    (left_out,) = milter.fields or ()
    asked = replace(left_out, pointer="zone", left_out=False)
    plan = replace(PLAN, changes=(replace(milter, fields=(left_out, asked)),))

    markdown, page = (render(plan, chosen, Page()) for chosen in ("markdown", "html"))

    assert markdown.index("+   zone") < markdown.index("(left out: the type's default)")
    assert page.index(">zone<") < page.index("left out: the type&#x27;s default")


def test_a_page_has_the_same_order() -> None:
    page = render(PLAN, "html", Page())

    wanted = (
        *("<h1>", "0123456789ab", "digest", "plain http", "policy: maxDestroy", "STOP", "Destroys (1)"),
        *(
            "no manifest declares it",
            "Mail that moves: 2 ways",
            "Witness a@example.org",
            "Cannot tell",
            "Where mail goes",
        ),
        *("<h2>Changes</h2>", "m.yaml", "Tests that pass now", "Afterwards", "cannot be undone", "Left alone"),
    )
    body = page[page.index("<body>") :]
    places = [body.find(each) for each in wanted]
    assert -1 not in places
    assert places == sorted(places)


def test_the_picture_shows_where_mail_went_before() -> None:
    page = render(PLAN, "html", Page())
    before, after = re.findall("<svg.*?</svg>", page, re.DOTALL)

    # Mail to the partner moves, and what it took before stands beside what it takes then.
    assert re.findall(r'class="(\w+ moves)"><title>(.*?)</title>', before) == [
        ("gone moves", "if rcpt_domain == &#x27;partner.example&#x27;")
    ]
    assert re.findall(r'class="(\w+ moves)"><title>(.*?)</title>', after) == [
        ("come moves", "if rcpt_domain == &#x27;partner.example&#x27;")
    ]
    assert (before.count('class="ghost"'), after.count('class="ghost"')) == (0, 1)
    assert re.findall(r'class="left"><title>(.*?)</title>', after) == ["address: old.example.net"]


def test_a_refactoring_is_said_to_move_nothing() -> None:
    plan = replace(PLAN, movement=replace(MOVEMENT, flows=(), unsure=(), reasons=(), turned=(), classes=3))

    assert "No mail moves (proved: 3 classes)." in render(plan, "markdown", Page())
    assert "<h2>No mail moves</h2><p>proved: 3 classes." in render(plan, "html", Page())


def test_a_plan_without_a_journal_says_that_nothing_undoes_it() -> None:
    plan = replace(PLAN, ending=replace(ENDING, rollback="", reload=False, restart=("A",), immediate=("B",)))

    (end,) = re.findall("### Afterwards\n\n(.*?)\n\n", render(plan, "markdown", Page()), re.DOTALL)

    assert next(token.type for token in MarkdownIt().parse(end)) == "bullet_list_open"
    why = "the secret that was in authSecret is not known: the server never shows it"
    assert end.splitlines() == [
        "- What is written is stored and not live, until `reconciler reload`.",
        "- Live as soon as it is written: `B`.",
        "- Live after a restart of the server only: `A`.",
        "- Nothing is recorded, so that no rollback undoes it.",
        f"- cannot be undone: `MtaRoute/gateway`, `{why}`",
    ]
