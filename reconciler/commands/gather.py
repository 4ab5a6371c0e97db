"""What every command starts with: settings, desired state, a connection, and live state as it was read.

Law: nothing is decided here; each function calls the core's and hands on what it said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from reconciler.commands.invocation import Invocation
from reconciler.commands.publishing import tell_changes
from reconciler.desired import Desired
from reconciler.desired import load as load_manifests
from reconciler.kinds import Catalogue
from reconciler.mail import dangling_names, lint_resources
from reconciler.plan import Goal, Survey, not_owned, take_survey
from reconciler.report import PlanReport, Target
from reconciler.report import plan_report as report_plan
from reconciler.server import kinds_for_checks, known_by, read_flow
from reconciler.settings import (
    Config,
    Options,
    Server,
    Settings,
    Unknown,
    catalogue_of,
    check_layers,
    connect,
    read_config,
    settings,
)
from reconciler.values import (
    Address,
    Diagnostic,
    LiveState,
    ManifestError,
    Policy,
    Source,
    strictly,
)

if TYPE_CHECKING:
    from reconciler.plan import Basis
    from reconciler.server import Client


#: Findings of a run whose exact place is worked out.
EXACT_PLACES = 500


class Wanted(Struct, frozen=True):
    """What the user wants: settings and desired state."""

    catalogue: Catalogue
    settings: Settings
    desired: Desired


def configured(invocation: Invocation, unknown: Unknown = "wrong") -> Config:
    """Return the configuration of a run, read unless whoever began the run has read it."""
    return invocation.config or read_config(invocation.options, unknown=unknown)


def without_manifests(invocation: Invocation, unknown: Unknown = "wrong") -> Wanted:
    """Return the settings of a run that takes no manifests."""
    config = configured(invocation, unknown)
    catalogue = catalogue_of(config, invocation.options.target)
    chosen = settings(catalogue, config, invocation.options, invocation.environment)
    return Wanted(catalogue, chosen, Desired())


def want(invocation: Invocation, unknown: Unknown = "wrong") -> Wanted:
    """Read configuration and manifests. Mistakes in manifests are in `desired`; `checked()` raises them."""
    config = configured(invocation, unknown)
    wanted = _want(catalogue_of(config, invocation.options.target), config, invocation.options, invocation.environment)
    invocation.facts["basis"] = wanted.desired.digest
    invocation.kept.append(wanted)
    if not invocation.options.strict:
        return wanted
    desired = replace(wanted.desired, diagnostics=strictly(wanted.desired.diagnostics))
    return Wanted(wanted.catalogue, wanted.settings, desired)


def want_all(invocation: Invocation) -> list[Wanted]:
    """Read configuration and manifests of every target, or of the one that is chosen."""
    config, options = configured(invocation), invocation.options
    targets = () if options.target or options.url or options.paths else tuple(config.targets)
    chosen = [replace(options, target=name) for name in targets] or [options]
    prepared: list[Wanted] = []
    mistakes: list[Diagnostic] = []
    for option in chosen:
        try:
            prepared.append(_want(catalogue_of(config, option.target), config, option, invocation.environment))
        except ManifestError as error:
            mistakes += error.diagnostics
    if mistakes:
        raise ManifestError(mistakes, config.file)
    invocation.kept.extend(prepared)
    return prepared


def _want(catalogue: Catalogue, config: Config, options: Options, environment: Mapping[str, str]) -> Wanted:
    chosen = settings(catalogue, config, options, environment)
    if chosen.target and not options.paths:
        check_layers(config, [chosen.target])
    desired = load_manifests(
        catalogue,
        chosen.paths,
        chosen.variables,
        optional=chosen.optional,
        links=chosen.policy.links,
        cache=chosen.cache,
    )
    diagnostics = [*desired.diagnostics, *not_owned(desired.resources, chosen.policy)]
    desired = replace(desired, diagnostics=tuple(diagnostics))
    return Wanted(catalogue, chosen, desired)


def tested(wanted: Wanted) -> Wanted:
    """Run the routing tests of the manifests, and add what fails to the diagnostics."""
    desired = wanted.desired
    if not desired.tests or any(diagnostic.severity == "error" for diagnostic in desired.diagnostics):
        # A test of manifests that are wrong would only repeat it.
        return wanted
    from reconciler.mail import check_documents

    failed = check_documents(wanted.catalogue, desired.resources, desired.locate, desired.tests)
    checked = replace(desired, diagnostics=(*desired.diagnostics, *failed))
    return Wanted(wanted.catalogue, wanted.settings, checked)


def target(wanted: Wanted) -> Target:
    """Return how reports name the server."""
    server = wanted.settings.server
    settings = wanted.settings
    url = server.url.rstrip("/") if server else ""
    nodes = len(server.nodes) if server else 0
    return Target(
        name=settings.target, url=url, user=settings.user if server else "", instead=settings.instead, nodes=nodes
    )


def open_client(invocation: Invocation, wanted: Wanted, *, may_write: bool = False) -> Client:
    """Return a client for the settings' server. Nothing is sent yet.

    Raises:
        UsageError, NotAllowed: no server is named, or there are no credentials.
    """
    server: Server = connect(wanted.settings, invocation.environment)
    from reconciler.server import Client, Credentials

    if server.connection.insecure:
        invocation.warn("--insecure: the server's certificate is not verified")
    connected = partial(
        Client,
        credentials=Credentials(server.token, server.user, server.password),
        may_write=may_write,
        target=wanted.settings.target,
        tell=lambda text: invocation.tell(f"{text}\n"),
        transport=invocation.transport,
        environment=invocation.environment,
    )
    first, *others = server.nodes or (server.url,)
    # The first alone is waited for.
    peers = [connected(node, connection=replace(server.connection, wait=0.0)) for node in others]
    return connected(first, connection=server.connection, peers=peers)


def goal_of(wanted: Wanted) -> Goal:
    """Return what a run of these manifests and settings wants."""
    settings, desired = wanted.settings, wanted.desired
    return Goal(
        resources=desired.resources,
        policy=settings.policy,
        scope=settings.scope,
        rotate=tuple(settings.rotate),
        severities=settings.policy.lint,
        locate=_places(desired),
    )


def observe(invocation: Invocation, wanted: Wanted, client: Client) -> Survey:
    """Read live state and survey it.

    Raises:
        ManifestError: the manifests do not say which live object they mean, or policy makes a finding an error.
        Unreachable, NotAllowed, Busy: live state cannot be read.
    """
    goal = goal_of(wanted)
    tell_changes(wanted.catalogue, client, client.tell)
    live = read_live(wanted.catalogue, goal.kinds(), client)
    invocation.facts["server"] = known_by(client.session(), live)
    survey = take_survey(wanted.catalogue, goal, live)
    invocation.kept.append(survey)
    if invocation.options.strict:
        survey = replace(survey, diagnostics=strictly(survey.diagnostics))
    return survey.checked()


def _places(desired: Desired) -> Callable[[Address, str], Source | None]:
    """Return what finds places, up to a number: each may cost a second reading of a document.

    Beyond it the line of the document has to do.
    """
    left = iter(range(EXACT_PLACES))

    def locate(address: Address, pointer: str) -> Source | None:
        return desired.locate(address, pointer) if next(left, None) is not None else None

    return locate


def linted(wanted: Wanted) -> Wanted:
    """Lint the manifests by themselves, and add what is found to the diagnostics."""
    desired, severities = wanted.desired, wanted.settings.policy.lint
    if any(diagnostic.severity == "error" for diagnostic in desired.diagnostics):
        return wanted
    locate = _places(desired)
    resources = tuple(resource for resource in desired.resources if not resource.absent)
    diagnostics = [*lint_resources(wanted.catalogue, resources, severities, locate=locate)]
    diagnostics += dangling_names(
        wanted.catalogue, resources, policy=wanted.settings.policy, severities=severities, locate=locate
    )
    marked = replace(desired, diagnostics=tuple(sorted([*desired.diagnostics, *diagnostics])))
    return Wanted(wanted.catalogue, wanted.settings, marked)


def read_live(catalogue: Catalogue, kinds: Iterable[str], client: Client) -> LiveState:
    """Read some kinds, and those that they are checked with where that is allowed."""
    needed = sorted(kinds)
    checks = kinds_for_checks(catalogue, needed)
    live = client.run(read_flow(catalogue, needed, client.session().limits, checks=checks))
    return replace(live, reader=client.reader())


def standing_policy(invocation: Invocation) -> Policy:
    """Return the policy without what the options of this one run say."""
    plain = replace(invocation.options, paths=(), prune=None, allow_empty=(), limits={}, kind=(), only=())
    config = configured(invocation)
    return settings(catalogue_of(config, plain.target), config, plain, invocation.environment).policy


def plan_basis(invocation: Invocation, wanted: Wanted, survey: Survey) -> Basis:
    """Return what a plan stands on."""
    from reconciler.plan import make_basis, policy_digest

    where = target(wanted)
    return make_basis(
        wanted.catalogue,
        survey.plan,
        survey.live,
        target=where.name,
        url=where.url,
        policy=policy_digest(standing_policy(invocation)),
        manifests=wanted.desired.digest,
        kinds=survey.kinds,
        mail=survey.mail,
    )


def plan_report(
    wanted: Wanted, survey: Survey, beside: tuple[Diagnostic, ...] = (), *, drift: bool = False
) -> PlanReport:
    """Return the report of a plan, or of drift."""
    diagnostics = (*wanted.desired.diagnostics, *survey.diagnostics, *beside)
    states = (survey.live, survey.after)
    return report_plan(
        wanted.catalogue, survey.plan, target(wanted), diagnostics, drift=drift, states=states, mail=survey.mail
    )
