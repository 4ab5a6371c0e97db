"""What a terminal is shown: no text of a report rewrites it, whichever sign it holds."""

from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.report.paint import escaped, printable
from reconciler.report.parts import ReportedDiagnostic

SIGNS = st.one_of(st.sampled_from('\x00\x07\x1b\n\x7f\x9b\u202e\\"aé'), st.characters(codec="utf-8"))


@given(st.text(SIGNS, max_size=5))
@example("\x7f")
@example('a\\"b')
def test_a_report_shows_each_of_its_texts_as_it_is_printed(text: str) -> None:
    reported = ReportedDiagnostic(severity="note", code="code", message=text)

    assert escaped(reported) == ReportedDiagnostic(severity="note", code="code", message=printable(text))
