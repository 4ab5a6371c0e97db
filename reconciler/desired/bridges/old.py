"""A configuration of Stalwart 0.13 to 0.15 (and what older ones share with it) to objects of 0.16.

Law: `old.json` says which key becomes what; this module only carries it out. What 0.15 did where nothing was said, and
0.16 does not, is written out; what 0.15 made no use of is told before it is started. Source: 0.15.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.desired.bridges.bridged import Bridged, Foreign
from reconciler.desired.bridges.flat import read_settings
from reconciler.desired.bridges.old_values import Values, table, wrapped
from reconciler.desired.bridges.older import older
from reconciler.desired.bridges.proving import routing_tests
from reconciler.desired.bridges.reading import Keys
from reconciler.kinds import Catalogue, Property
from reconciler.values import Severity

_LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+|::1|\[::1\])\.?\Z", re.IGNORECASE)
_WITH_PORT = re.compile(r"[^:\[\]]+:[0-9]+\Z")


def from_old(catalogue: Catalogue, texts: Sequence[tuple[str, str]]) -> Bridged:
    """Translate configurations, each a name and a text; where several have a key, the first counts. Pure."""
    bridged = Bridged(file=texts[0][0])
    settings = [setting for file, text in texts for setting in read_settings(bridged, file, text)]
    keys = Keys(settings)
    if not bridged.failed:
        if not any(key.startswith(("queue.", "session.", "remote.")) for key in keys.all):
            hint = (
                "0.15 kept them in its database: dump them before 0.16 starts for the first time and takes them away, "
                "by migrate_v016.py dump or GET /api/settings/list?prefix="
            )
            message = "it holds no settings of queues or sessions"
            bridged.tell("error", "nothing", message, hint=hint)
        _Old(catalogue, bridged, keys).run()
    keys.settle(bridged.ledger)
    return bridged


class _Old(Values):
    def __init__(self, catalogue: Catalogue, bridged: Bridged, keys: Keys) -> None:
        super().__init__(catalogue, bridged, keys)
        self.singletons: dict[str, Foreign] = {}

    def run(self) -> None:
        """Translate all of it."""
        for section in table()["objects"]:
            for name in self.keys.ids(section["prefix"], [*section["suffixes"], *section.get("weak", ())]):
                self.object(section, name)
        older(self.catalogue, self.bridged, self.keys, self.conditions, self.proofs)
        for foreign in self.bridged.objects:
            if self.catalogue.kinds[foreign.kind].singleton:
                self.singletons[foreign.kind] = self.merged(foreign)
        self.bridged.objects = [foreign for foreign in self.bridged.objects if foreign.kind not in self.singletons]
        for section in table()["singletons"]:
            self.singleton(section)
        self.bridged.objects += self.singletons.values()
        self.queues()
        self.silences()
        for section in table()["objects"]:
            # What has none of the keys that make an object was no object.
            for key in self.keys.all:
                if key.startswith(section["prefix"]) and key not in self.keys.state:
                    self.keys.state[key] = "ignored"
        self.bridged.tests += routing_tests(self.catalogue, self.bridged, self.proofs)

    # Objects that have names.

    def object(self, section: Mapping[str, Any], name: str) -> None:
        """Translate one object of a table."""
        prefix = f"{section['prefix']}{name}"
        kind = self.catalogue.kinds[section["kind"]]
        line = self.keys.line(prefix)
        reason = (
            section["longer"] if len(name.encode()) > section.get("longest", 99) else self.unloaded(section, prefix)
        )
        if reason:
            self.keys.mark(prefix, "lost" if section.get("lost") else "ignored")
            return self.say("warning", "unloaded", f"{prefix}: {reason}", line)
        spec: dict[str, Any] = {}
        made = Foreign(kind=kind.kind, spec=spec, file=self.bridged.file, line=line, name=name)
        made.order = (name,) if section.get("sorted") else (f"{len(self.bridged.objects):06}",)
        if section.get("warn"):
            self.say("warning", "meant", f"{prefix}: {section['warn']}", line)
        if not any(self.keys.has(f"{prefix}{suffix}") for suffix in section["suffixes"]):
            self.say("warning", "unloaded", f"{prefix}: {section['weakly']}", line)
            made.comment("", "0.15 did not load this.")
        variant = self.variant(section, prefix)
        if variant is None:
            self.keys.mark(prefix, "ignored")
            return self.say("warning", "variant", f"{prefix}.type is none that 0.15 knew: it is left out", line)
        if variant:
            spec["type"] = variant
        shape = kind.shape(variant)
        for rule in table()["fields"][section["fields"]]:
            if rule.get("only", variant) == variant:
                self.field(prefix, rule, shape, made)
        if section.get("name"):
            label = section["name"]
            spec[label] = spec.get(label) or section.get("renamed", {}).get(name, name)
        for setting in self.keys.under(prefix):
            if setting.key not in self.keys.state:
                self.keys.state[setting.key] = "ignored"
                self.say("note", "unread", f"{setting.key} was read by no version", setting.line)
        self.bridged.objects.append(made)
        return None

    def unloaded(self, section: Mapping[str, Any], prefix: str) -> str:
        """Say why 0.15 had no such object, or 0.16 can have none; "" where it had."""
        for need in section.get("needs", ()):
            values = self.keys.values(f"{prefix}.{need}")
            if not values or (need == "rate" and values[0].lower() in ("false", "none", "unlimited")):
                return str(section["needed"])
        both = section.get("exclusive", ())
        return (
            str(section["exclusively"])
            if both and all(self.keys.has(f"{prefix}.{element}") for element in both)
            else ""
        )

    def variant(self, section: Mapping[str, Any], prefix: str) -> str | None:
        """Return the variant of an object, "" where it has none, None where 0.15 knew no such one."""
        rule = section.get("variant")
        if not rule:
            return ""
        key = f"{prefix}.{rule['from']}"
        given = self.keys.text(key)
        if given is None:
            return str(rule["default"]) if "default" in rule else None
        self.keys.mark(key, "carried")
        variant: str | None = rule["values"].get(given.lower())
        return variant

    def field(self, prefix: str, rule: Mapping[str, Any], shape: Mapping[str, Property], made: Foreign) -> None:
        """Translate one field of an object."""
        for state, names in (("ignored", rule.get("ignore", ())), ("lost", rule.get("lost", ()))):
            for name in names:
                key = f"{prefix}.{name}"
                if self.keys.under(key) and any(setting.key not in self.keys.state for setting in self.keys.under(key)):
                    self.keys.mark(key, state)
                    text = rule.get("warn", "was read by no version since 0.13" if state == "ignored" else "")
                    if text:
                        severity: Severity = "warning" if "warn" in rule else "note"
                        self.say(severity, "unread", f"{key} {text}", self.keys.line(key))
        if "from" not in rule or rule["to"] in made.spec:
            return None
        key, prop = f"{prefix}.{rule['from']}", shape[rule["to"]]
        if "with" in rule and self.keys.has(key) and not self.keys.has(f"{prefix}.{rule['with']}"):
            self.keys.mark(key, "ignored")
            return self.say(
                "warning", "unread", f"{key} counts with {rule['with']} only, and is left out", self.keys.line(key)
            )
        if not self.keys.has(key):
            self.silent(prefix, rule, made)
            return None
        self.keys.mark(key, "carried")
        value = self.value(key, rule, prop, made)
        if value is None:
            # 0.15 went on as if nothing was said.
            self.silent(prefix, rule, made)
            return None
        if "and" in rule:
            other = f"{prefix}.{rule['and']['from']}"
            self.keys.mark(other, "carried")
            value = (value, self.value(other, rule["and"], prop, made))
        if isinstance(value, list) and value == rule.get("default"):
            return None
        if isinstance(value, list) and rule.get("as") == "durations" and not value:
            self.silent(prefix, rule, made)
            return None
        made.spec[rule["to"]] = wrapped(rule.get("wrap"), value)
        if rule.get("host") and isinstance(value, str):
            self.address(key, value)
        return None

    def silent(self, prefix: str, rule: Mapping[str, Any], made: Foreign) -> None:
        """Write out what 0.15 did where nothing was said, if 0.16 does otherwise."""
        if "absent" not in rule:
            return
        made.spec[rule["to"]] = wrapped(rule.get("wrap"), rule["absent"])
        made.comment(rule["to"], rule["why"])
        doubt = rule.get("doubt")
        if not doubt:
            self.say("note", "default", f"{prefix}.{rule['from']} is not said. {rule['why']}", made.line)
            return
        name, ports = next((name, held) for name, held in doubt.items() if isinstance(held, list))
        if (self.keys.text(f"{prefix}.{name}") or doubt["absentPort"]) in ports:
            self.say("warning", "doubt", f"{prefix}.{rule['from']} is not said: {doubt['text']}", made.line)
            made.comment(rule["to"], "But this port cannot have worked so: false is probably meant.")
        else:
            self.say("note", "default", f"{prefix}.{rule['from']} is not said. {rule['why']}", made.line)

    def address(self, key: str, value: str) -> None:
        line = self.keys.line(key)
        if _LOOPBACK.match(value):
            message = f"{key} is a loopback address: 0.16 bounces all mail for it at once"
            self.say("warning", "loopback", message, line)
        elif _WITH_PORT.match(value):
            self.say("warning", "port-in-address", f"{key} holds a port, with which 0.16 never connects", line)

    # Values.

    # Singletons, and what follows from the whole.

    def singleton(self, section: Mapping[str, Any]) -> None:
        """Translate the fields of a table that is one object in 0.16."""
        kind = self.catalogue.kinds[section["kind"]]
        prefix = section["prefix"].removesuffix(".")
        line = self.keys.line(prefix)
        made = self.singletons.get(kind.kind) or Foreign(kind=kind.kind, spec={}, file=self.bridged.file, line=line)
        for rule in section["fields"]:
            self.field(prefix, rule, kind.shape(""), made)
        if made.spec:
            self.singletons[kind.kind] = made

    def merged(self, given: Foreign) -> Foreign:
        """Return a singleton with what another part of the configuration says of it."""
        held = self.singletons.get(given.kind)
        if held is None:
            return given
        held.spec |= given.spec
        return held

    def queues(self) -> None:
        """Add the objects that 0.15 needed no definition for; drop what waited in a queue that was not there."""
        wanted = dict.fromkeys(
            (rule["object"], rule["to"], section["kind"])
            for section in table()["objects"]
            for rule in table()["fields"][section["fields"]]
            if "object" in rule
        )
        for target, pointer, source in wanted:
            kind = self.catalogue.kinds[target]
            label = kind.match[0]
            there = {foreign.spec[label] for foreign in self.bridged.objects if foreign.kind == target}
            there |= {wire[label] for wire in kind.ships}
            for foreign in [foreign for foreign in self.bridged.objects if foreign.kind == source]:
                name = foreign.spec[pointer]
                if name in there:
                    continue
                if name == "default":
                    there.add(name)
                    made = Foreign(kind=target, spec={label: name}, file=self.bridged.file, line=foreign.line)
                    made.order = (f"{len(self.bridged.objects):06}",)
                    made.comment("", "0.15 had this queue without a definition; 0.16 needs one.")
                    self.bridged.objects.append(made)
                else:
                    self.bridged.objects.remove(foreign)
                    for section in table()["objects"]:
                        if section["kind"] == source:
                            for key in self.keys.under(f"{section['prefix']}{foreign.name}"):
                                self.keys.state[key.key] = "ignored"
                    message = f"0.15 dropped {source}/{foreign.name}: its queue {name} is not defined"
                    self.say("warning", "unloaded", message, foreign.line)

    def silences(self) -> None:
        """Tell of defaults that are others in 0.16, where the configuration is silent."""
        stage = "session.data"
        if self.keys.under(stage) and not self.keys.has(f"{stage}.spam-filter"):
            message = "session.data.spam-filter is not said: 0.15 filtered all mail, 0.16 none of authenticated senders"
            self.say("warning", "silence", message, self.keys.line(stage), "say enableSpamFilter: true to keep it so")
