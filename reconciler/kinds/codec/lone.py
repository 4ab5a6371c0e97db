"""A lone reference to a secret, which stands for an object that is nothing but that secret.

Law: pure; which objects are such, their shape says: one of their variants holds one required secret and nothing else.
"""

from __future__ import annotations

from typing import Any

from reconciler.kinds.catalogue import Catalogue, Record
from reconciler.values import is_secret_reference


def spelled_out(catalogue: Catalogue, record: Record, spec: Any) -> Any:
    """Return a spec in which `${env:NAME}` and `${file:PATH}` alone are `{type: Value, secret: …}` where that is meant.

    A spec may be anything; what is no object of the record stays as it is.
    """
    if not isinstance(spec, dict):
        return spec
    shape = record.legible(spec.get("type") or spec.get("@type"))
    return {name: _property(catalogue, shape[name].of, member) if _below(shape, name) else member
            for name, member in spec.items()}  # fmt: skip


def _below(shape: dict[str, Any], name: str) -> bool:
    """Whether a property holds objects, so that a secret can stand below it."""
    prop = shape.get(name)
    return prop is not None and bool(prop.of) and not prop.language


def _property(catalogue: Catalogue, of: str, value: Any) -> Any:
    record = catalogue.types[of]
    if isinstance(value, list):
        return [_property(catalogue, of, element) for element in value]
    if isinstance(value, dict):
        # A list or a map may be written as an object too, and knows none of the record's names.
        known = {"type", "@type", *record.legible(None)}
        if value and not known & value.keys():
            return {key: _property(catalogue, of, member) for key, member in value.items()}
        return spelled_out(catalogue, record, value)
    if type(value) is str and is_secret_reference(value):
        for variant in record.variants:
            secrets = record.shape(variant)
            if len(secrets) == 1 and all(prop.sensitive and prop.required for prop in secrets.values()):
                return {"type": variant, next(iter(secrets)): value}
    return value
