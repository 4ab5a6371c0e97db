"""What a plan is refused for beside what the case tables say."""

from msgspec.structs import replace

from reconciler.plan.guards import refusals
from reconciler.values import Address, Change, LiveState, Plan, Policy
from tests.states import CATALOGUE


def test_kind_that_only_a_server_publishes_is_not_written() -> None:
    kind = replace(CATALOGUE.kinds["MtaRoute"], kind="Domain")
    catalogue = replace(CATALOGUE, kinds={**CATALOGUE.kinds, "Domain": kind})
    change = Change(action="destroy", address=Address("Domain", "example.org"), id="a", before={"@type": "Mx"})

    found = refusals(catalogue, Plan(changes=(change,)), LiveState(), LiveState(), Policy(max_destroy=1), None)

    assert found == ("Domain is only read and compared by this version; leave it out with --kind or --only",)
