"""What manifests come to is the same whether it is read or was kept, whatever they declare; and no secret is kept."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired.export import export_state
from reconciler.desired.manifest import ManifestText
from reconciler.desired.manifest.kept import name_of, packed
from reconciler.desired.manifest.parsing import parsed
from reconciler.desired.manifest.state import digest_of
from tests.keeping import both, told
from tests.properties.test_codec_laws import CATALOGUE
from tests.properties.test_export_laws import JUDGE, everything, servers
from tests.states import Server, read

LAW = settings(max_examples=20)
CANARY = "canary-7f3a"


@LAW
@given(servers(), st.data())
def test_what_is_kept_is_what_was_read(server: Server, data: st.DataObject) -> None:
    documents = everything(export_state(CATALOGUE, read(server), JUDGE)).split("---\n")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(documents)), max_size=3)))
    parts = [documents[first:last] for first, last in zip([0, *cuts], [*cuts, len(documents)], strict=True)]
    files = [ManifestText(f"{number}.yaml", "---\n".join(part)) for number, part in enumerate(parts)]

    anew, kept = both(CATALOGUE, [files[:1], files[1:]])

    assert anew.diagnostics == ()
    assert kept is not None
    assert told(kept) == told(anew)


@LAW
@given(servers(), st.randoms())
def test_no_secret_is_kept(server: Server, random: Any) -> None:
    text = everything(export_state(CATALOGUE, read(server), JUDGE))
    references = [part.partition("}")[0] for part in text.split("${env:")[1:]]
    # Some of the references become what they stand for.
    plain = text
    for name in references:
        if random.random() < 0.1:
            plain = plain.replace(f"${{env:{name}}}", f"{CANARY}-{name}")

    layers = [[ManifestText("m.yaml", plain)]]
    content = packed(parsed(CATALOGUE, layers, {}, digest_of(layers)))

    assert content is None if plain != text else content is not None
    assert CANARY.encode() not in (content or b"")


@LAW
@given(st.text(min_size=1), st.data())
def test_any_other_text_has_another_name(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 1))
    other = text[:at] + data.draw(st.characters(exclude_categories=["Cs"])) + text[at + 1 :]

    names = {name_of(CATALOGUE, layers, {}, digest_of(layers)) for layers in map(_layers, (text, other))}

    assert len(names) == (1 if text == other else 2)


def _layers(text: str) -> list[list[ManifestText]]:
    return [[ManifestText("m.yaml", text)]]
