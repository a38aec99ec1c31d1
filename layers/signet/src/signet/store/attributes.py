"""Python values to and from DynamoDB's typed attributes, as botocore has them.

boto3 has a serializer too, but is needed for nothing else, and speaks Decimal and Binary where Signet's items
hold only whole numbers and bytes.
"""

from collections.abc import Mapping
from typing import Any

type Attribute = dict[str, Any]
"""`{"S": "text"}` and its kin."""

type Item = dict[str, Any]
"""An item in Python's own types."""


def to_attribute(value: object) -> Attribute:
    """The typed attribute of a value.

    Raises:
        TypeError: No attribute type fits, a float included: DynamoDB's numbers are decimal. A set is one of
            texts, and DynamoDB refuses an empty one.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case frozenset() | set():
            return {"SS": sorted(value)}
        case list() | tuple():
            return {"L": [to_attribute(element) for element in value]}
        case dict():
            return {"M": to_attributes(value)}
        case _:
            message = f"DynamoDB has no attribute for a {type(value).__name__}."
            raise TypeError(message)


def to_attributes(item: Mapping[str, object]) -> dict[str, Attribute]:
    """The typed attributes of an item."""
    return {name: to_attribute(value) for name, value in item.items()}


def from_attribute(attribute: Attribute) -> Any:
    """The value of a typed attribute.

    Raises:
        TypeError: The attribute has a type that Signet never writes.
    """
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL" | "B":
            return value
        case "N":
            return int(value)
        case "NULL":
            return None
        case "SS":
            return frozenset(value)
        case "L":
            return [from_attribute(element) for element in value]
        case "M":
            return from_attributes(value)
        case _:
            message = f"Signet writes no attribute of the type {kind}."
            raise TypeError(message)


def from_attributes(attributes: Mapping[str, Attribute]) -> Item:
    """An item in Python's own types."""
    return {name: from_attribute(attribute) for name, attribute in attributes.items()}
