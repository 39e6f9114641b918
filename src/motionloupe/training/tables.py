"""A frozen dataclass with the values of a table, of TOML say, put in."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from motionloupe.errors import UserError


def changed(config: Any, table: dict[str, Any], where: str) -> Any:
    """A configuration with the values of ``table`` put in. Raises UserError if one does not fit.

    A field whose metadata say ``merged`` is a dictionary of which the table changes what it names;
    any other value is replaced whole.
    """
    merged = {field.name for field in fields(config) if field.metadata.get("merged")}
    hints = get_type_hints(type(config))
    values = {}
    for key, value in table.items():
        if key not in hints:
            raise UserError(f"{where} has no key {key!r}; there are {', '.join(hints)}")
        old = getattr(config, key)
        if is_dataclass(old) and isinstance(value, dict):
            values[key] = changed(old, value, f"{where} [{key}]")
        else:
            checked = _checked(value, hints[key], f"{where} {key}")
            values[key] = {**old, **checked} if key in merged else checked
    return replace(config, **values)


def _checked(value: Any, hint: Any, where: str) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise UserError(f"{where} must be one of {', '.join(get_args(hint))}, found {value!r}")
        return value
    if hint is float and type(value) is int:
        return float(value)
    if get_origin(hint) is tuple and isinstance(value, list):
        parts = get_args(hint)
        if len(value) != len(parts):
            raise UserError(f"{where} must be {len(parts)} numbers, found {value!r}")
        return tuple(_checked(v, part, where) for v, part in zip(value, parts, strict=True))
    if get_origin(hint) is Mapping and isinstance(value, dict):
        return {key: _checked(each, get_args(hint)[1], where) for key, each in value.items()}
    if type(value) is not (get_origin(hint) or hint):
        name = getattr(hint, "__name__", str(hint))
        raise UserError(f"{where} must be of type {name}, found {value!r}")
    return value
