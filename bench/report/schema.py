"""Checks a JSON document against results.schema.json.

Knows the keywords of JSON Schema that this file uses, and refuses any other, so that no rule of it
is passed over in silence.
"""

import math
import re

TYPES = {"object": dict, "array": list, "string": str, "number": (int, float), "integer": int,
         "boolean": bool, "null": type(None)}
# Those that say nothing about the document.
REMARKS = {"$schema", "title", "description"}


class Mismatch(Exception):
    """A document isn't as its schema says; `field` is where."""

    def __init__(self, field, problem):
        super().__init__(f"{field or 'the document'} {problem}")
        self.field = field


def check(value, schema, field=""):
    """Raises the first Mismatch of `value`, or returns."""
    for keyword, wanted in schema.items():
        if keyword not in REMARKS:
            CHECKS[keyword](value, wanted, schema, field)


def shown(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def is_type(value, name):
    # Python's bool is an int; JSON's is not.
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def check_type(value, wanted, _, field):
    names = [wanted] if isinstance(wanted, str) else wanted
    if not any(is_type(value, name) for name in names):
        raise Mismatch(field, f"is {shown(value)}, not of type {' or '.join(names)}")
    if is_type(value, "number"):
        check_finite(value, field)


def check_finite(value, field):
    try:
        finite = math.isfinite(float(value))
    except OverflowError:
        finite = False
    if not finite:
        raise Mismatch(field, "is a number too large to compute with")


def check_const(value, wanted, _, field):
    if value != wanted or isinstance(value, bool) != isinstance(wanted, bool):
        raise Mismatch(field, f"is {shown(value)}, not {wanted!r}")


def check_enum(value, wanted, _, field):
    if value not in wanted:
        raise Mismatch(field, f"is {shown(value)}, none of {', '.join(map(str, wanted))}")


def check_pattern(value, wanted, _, field):
    # "$" would also match before a newline at the end.
    if isinstance(value, str) and not re.search(wanted.replace("$", r"\Z"), value):
        raise Mismatch(field, f"is {shown(value)}, which doesn't match {wanted}")


def check_min_length(value, wanted, _, field):
    if isinstance(value, str) and len(value) < wanted:
        raise Mismatch(field, f"is {shown(value)}, shorter than {wanted}")


def check_minimum(value, wanted, _, field):
    if is_type(value, "number") and value < wanted:
        raise Mismatch(field, f"is {shown(value)}, below {wanted}")


def check_exclusive_minimum(value, wanted, _, field):
    if is_type(value, "number") and value <= wanted:
        raise Mismatch(field, f"is {shown(value)}, not above {wanted}")


def check_required(value, wanted, _, field):
    for name in wanted:
        if isinstance(value, dict) and name not in value:
            raise Mismatch(inside(field, name), "is missing")


def check_properties(value, wanted, _, field):
    for name, schema in wanted.items():
        if isinstance(value, dict) and name in value:
            check(value[name], schema, inside(field, name))


def check_other_properties(value, wanted, schema, field):
    for name in value if isinstance(value, dict) else []:
        if name in schema.get("properties", {}):
            continue
        if wanted is False:
            raise Mismatch(inside(field, name), "is no field of a result")
        check(value[name], wanted, inside(field, name))


def check_items(value, wanted, _, field):
    for at, item in enumerate(value if isinstance(value, list) else []):
        check(item, wanted, f"{field}[{at}]")


def check_min_items(value, wanted, _, field):
    if isinstance(value, list) and len(value) < wanted:
        raise Mismatch(field, f"has {len(value)} items, fewer than {wanted}")


def check_max_items(value, wanted, _, field):
    if isinstance(value, list) and len(value) > wanted:
        raise Mismatch(field, f"has {len(value)} items, more than {wanted}")


def inside(field, name):
    return f"{field}.{name}" if field else name


CHECKS = {
    "type": check_type, "const": check_const, "enum": check_enum, "pattern": check_pattern,
    "minLength": check_min_length, "minimum": check_minimum,
    "exclusiveMinimum": check_exclusive_minimum, "required": check_required,
    "properties": check_properties, "additionalProperties": check_other_properties,
    "items": check_items, "minItems": check_min_items, "maxItems": check_max_items,
}
