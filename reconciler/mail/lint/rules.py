"""The table of lint rules, and how a finding becomes a diagnostic.

Law: an error by default is only what the server would refuse, a mask in place of a secret, or a name that would lead
nowhere by this plan's doing; everything else is a warning or a note, and changes no exit code unless policy says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from reconciler.mail.names import suggestions
from reconciler.values import Address, Diagnostic, Resource, Severity, Source, shown

#: Where a wire pointer into an object is declared; None where nothing declares it.
Locate = Callable[[Address, str], Source | None]


class Rule(Struct, frozen=True):
    """One rule: its id, what a finding counts as unless policy says otherwise, and what it finds."""

    id: str
    severity: Severity
    description: str
    #: Neither policy nor a waiver changes it: the server, or the secret, would be at stake.
    fixed: bool = False


class Finding(Struct, frozen=True, kw_only=True):
    """What a rule found: of which object and wire pointer, what the server does, and what to do instead."""

    rule: str
    address: Address
    pointer: str = ""
    message: str
    hint: str = ""
    #: Where in the expression, in characters from 1; 0 where it is none.
    column: int = 0
    #: In place of the rule's own severity, where a case is milder or graver than others.
    severity: Severity | None = None


#: Every rule by its id. What the server does is that of Stalwart 0.16.19.
RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        # Names
        Rule("dangling-name", "error", "a name that no object would have once this is applied"),
        Rule("dangling-already", "warning", "a name that leads nowhere, but not by this plan's doing"),
        Rule("undeclared-name", "note", "a name that is not declared here, and that a server may have or not"),
        Rule("untold-name", "note", "a name that depends on the message, so that nobody can check it"),
        Rule("plain-result", "warning", "a result that is no text where the server wants a name"),
        Rule("past-the-end", "warning", "a list of names that a later attempt runs out of"),
        Rule("unused-object", "note", "a declared object that nothing names or refers to"),
        # How an expression is written
        Rule("refused-expression", "error", "an expression that the server refuses", fixed=True),
        Rule("unsure-pattern", "note", "a regular expression that only the server's engine can judge"),
        Rule("single-equals", "warning", "a single =, which swallows the character after it"),
        Rule("missing-operand", "warning", "an operator without an operand"),
        Rule("adjacent-values", "warning", "values side by side, of which only the last counts"),
        Rule("ignored-text", "warning", "text after a }, which the server ignores"),
        Rule("negated-operand", "warning", "a ! that binds to the left side of a comparison only"),
        Rule("chained-comparison", "warning", "a comparison of a comparison's 0 or 1"),
        Rule("alternative-in-comparison", "warning", "a comparison with `a || b`, which tests only a"),
        Rule("literal-as-condition", "warning", "a literal beside || or &&, which is always true or always false"),
        # What an expression compares
        Rule("text-against-number", "warning", "a text compared with a number that it cannot be"),
        Rule("list-against-value", "warning", "a list compared with what is no list"),
        Rule("constant-compared", "warning", "a constant in a comparison; constants equal nothing"),
        Rule("unit-of-duration", "warning", "a duration in milliseconds compared with seconds"),
        Rule("impossible-value", "warning", "a variable compared with a value that it never holds"),
        Rule("capital-in-domain", "warning", "a domain with capitals compared with one in lower case"),
        Rule("capital-in-address", "warning", "capitals in a local part, which match only mail written just so"),
        Rule("escaped-twice", "warning", "a regular expression whose backslashes were doubled once too often"),
        Rule("unknown-algorithm", "warning", "a hash by an algorithm that the server does not know, which is empty"),
        Rule("address-case", "note", "is_local_address of an address whose local part keeps its capitals"),
        # Branches
        Rule("always-true", "warning", "a condition that is always true, so that nothing below it is tried"),
        Rule("never-true", "warning", "a condition that is never true"),
        Rule("unreachable-branch", "warning", "a branch that an earlier one always takes the mail of"),
        Rule("ignored-branches", "warning", "branches where the server reads only `else`"),
        Rule("last-recipient-only", "warning", "the recipient in a filter that runs on the whole message"),
        Rule("first-recipient-only", "note", "the recipient where the server asks once for all of a domain and route"),
        Rule("no-local-route", "warning", "a route expression that never keeps mail for local domains"),
        Rule("late-failover", "warning", "a branch for an attempt that the schedule never makes"),
        # Objects
        Rule("masked-secret", "error", "the mask that the server shows in place of a secret", fixed=True),
        Rule("plain-text-secret", "warning", "a secret as plain text in a manifest"),
        Rule("loopback-next-hop", "warning", "a relay on a loopback address, which bounces all its mail"),
        Rule("port-in-address", "warning", "a port within the host name of a relay or a filter, which never works"),
        Rule("no-host", "warning", "a URL, a path or a socket where a host name is wanted"),
        Rule("implicit-tls-port", "warning", "port 465, or one like it, without implicit TLS, which hangs"),
        Rule("open-relay", "warning", "a server that takes mail for any domain from anybody"),
        Rule("plain-port", "note", "implicit TLS on a port that usually speaks plain text first"),
        Rule("half-credentials", "warning", "a user name without a secret or the reverse, so that no AUTH happens"),
        Rule("credentials-in-clear", "note", "credentials for a relay that may be reached without TLS"),
        Rule("invalid-certs", "warning", "a certificate that is not verified"),
        Rule("similar-names", "warning", "names that differ only in case, in blanks or in Unicode form"),
        Rule("blank-in-name", "warning", "a name that begins or ends with a blank"),
        Rule("shared-member", "warning", "an address and port that two listeners would open"),
        Rule("unsigned-domain", "warning", "a domain whose mail nothing signs"),
        Rule("unsure-key", "note", "a kind of which nothing is known that tells its objects apart"),
        Rule("bare-duration", "warning", "a small number without a unit, which is milliseconds"),
        Rule("short-retry", "warning", "a retry interval under a second, which is no wait at all"),
        Rule("well-known-port", "warning", "a filter on the port of another service"),
        Rule("hook-url", "warning", "a hook whose address is no http or https URL"),
        Rule("idle-setting", "note", "a setting without any effect"),
        Rule("shipped-setting-reset", "warning", "a setting that a new server ships, reset because it is left out"),
        # Settings of the policy
        Rule("idle-keep", "warning", "a glob of policy.keep that matches nothing of the kinds that were read"),
        Rule("unknown-rule", "warning", "a severity or a waiver for a rule that does not exist", fixed=True),
    )
}


#: Findings beyond which notes have the place of their document only.
MANY = 20


def settle(
    findings: Iterable[Finding],
    resources: Iterable[Resource] = (),
    severities: Mapping[str, str] | None = None,
    locate: Locate | None = None,
) -> tuple[Diagnostic, ...]:
    """Turn findings into diagnostics, sorted by place.

    Args:
        findings: what the rules found.
        resources: where things are declared, and what their documents accept.
        severities: rule id to error, warning, note or ignore, in place of the rules' own.
        locate: finds the place of a wire pointer; without it, a property's document is the place.
    """
    chosen = severities or {}
    diagnostics: list[Diagnostic] = []
    all_ = dict.fromkeys(findings)
    declared = {resource.address: resource for resource in resources} if all_ else {}
    for finding in all_:
        rule, message, reason = RULES[finding.rule], finding.message, None
        resource = declared.get(finding.address)
        severity: str = finding.severity or rule.severity
        if finding.column > 1:
            message += f" (character {finding.column})"
        if not rule.fixed:
            severity = chosen.get(rule.id, severity)
            reason = resource.accept.get(rule.id) if resource is not None else None
        if severity == "ignore":
            continue
        if reason is not None:
            severity, message = "note", f"{message}; accepted: {reason}"
        # An exact place may cost a second reading of its file, which a crowd of notes is not worth.
        exact = severity != "note" or len(all_) <= MANY
        place = _place(finding, resource, locate if exact else None)
        diagnostics.append(
            Diagnostic(
                file=place.file,
                line=place.line,
                column=place.column,
                address=str(finding.address) if finding.address.kind else "",
                pointer=finding.pointer,
                severity="error" if severity == "error" else "warning" if severity == "warning" else "note",
                code=rule.id,
                message=message,
                hint=finding.hint,
            )
        )
    return tuple(sorted(diagnostics))


def _place(finding: Finding, resource: Resource | None, locate: Locate | None) -> Source:
    source = locate(finding.address, finding.pointer) if locate is not None and finding.address.kind else None
    if source is not None:
        return source
    if resource is None:
        return Source("")
    if not finding.pointer:
        return resource.source
    return resource.place(finding.pointer) if resource.declares(finding.pointer) else Source("")


def unknown_rules(severities: Mapping[str, str], resources: Iterable[Resource]) -> list[Finding]:
    """Find severities and waivers that speak of no rule, or of one that stays as it is."""
    findings: list[Finding] = []
    named = [(Address(""), "policy.lint", rule) for rule in severities]
    named += [(resource.address, "metadata.accept", rule) for resource in resources for rule in resource.accept]
    for address, where, rule in named:
        if rule not in RULES:
            close = suggestions(str(rule), RULES, 1)
            hint = f"did you mean {close[0]}?" if close else ""
            findings.append(
                Finding(
                    rule="unknown-rule",
                    address=address,
                    message=f"{where} names {shown(str(rule))}, which is no lint rule",
                    hint=hint,
                )
            )
        elif RULES[rule].fixed:
            message = f"{where} names {rule}, which stays as it is: {RULES[rule].description}"
            findings.append(Finding(rule="unknown-rule", address=address, message=message, hint="take it out"))
    return findings
