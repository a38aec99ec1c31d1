"""The base of request and response models, and the fields that several operations share."""

import math
from collections.abc import Iterable
from typing import Annotated, Any, Self, TypeAliasType, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from signet.domain.guessing import find_source
from signet.domain.ids import find_id
from signet.domain.strict_json import Members, check_object, write_object
from signet.errors import MAX_FAULTS, MAX_SHOWN, FaultKind, FieldFault, InvalidRequest

KINDS = {
    "missing": FaultKind.MISSING,
    "extra_forbidden": FaultKind.UNKNOWN,
    "string_too_long": FaultKind.TOO_LONG,
    "too_long": FaultKind.TOO_LONG,
    "int_type": FaultKind.NOT_A_NUMBER,
    "float_type": FaultKind.NOT_A_NUMBER,
}
"""Pydantic's error types that are more than just invalid."""

DESCRIBED = {
    "int_type",
    "int_parsing",
    "int_from_float",
    "float_type",
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
    "string_pattern_mismatch",
}
"""Error types for which a field's description says what would be right; a test holds that it has one."""


RENAMED: dict[str | int, str] = {"groupId": "organizationId"}
"""Fields that products have renamed, and that clients may still send: ignored, they would open a hole."""


class RequestModel(BaseModel):
    """The fields of a request: in camel case, of exactly their types, and no others."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,  # An input may be a password.
        loc_by_alias=True,
    )

    @classmethod
    def parse(cls, members: Members) -> Self:
        """Check the members that came.

        Raises:
            InvalidRequest: With every field that is wrong, by its path, as far as they can be told.
        """
        try:
            return cls.model_validate(members)
        except ValidationError as error:
            # A body may hold thousands of fields that are wrong: no more work than there is to tell.
            details = error.errors(include_url=False, include_input=False)[:MAX_FAULTS]
            # Without its cause: pydantic's own text is for developers, and a trace must not hold it.
            faults = [fault for detail in details for fault in _faults(detail, cls, members)]
            raise InvalidRequest(*faults, more=error.error_count() - len(details)) from None


def described(**schema: Any) -> Any:
    """What a schema says of a field besides what pydantic knows of it: a validator of ours tells it nothing.

    It stands beside the validator, and what it says is good has to be taken: `openapi.yaml` is made of it.
    """
    return Field(json_schema_extra=schema)


HEX_ID = "^[0-9a-fA-F]{24}$"

UNSET: Any = None
"""The default of a field that may be left out, but may not be null: read it only if it was set."""


class ResponseModel(BaseModel):
    """The members of an answer, in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, validate_by_name=True)

    def to_json(self) -> dict[str, Any]:
        """The members as JSON has them."""
        return self.model_dump(mode="json", by_alias=True)


class Success(ResponseModel):
    """The answer of an operation that has nothing to tell but that it is done."""

    success: bool = True


MAX_AGE_LIMIT_MS = 100 * 365 * 86_400_000
MAX_EXTRA_DATA_BYTES = 4096


def _usable(extra_data: dict[str, Any]) -> dict[str, Any]:
    try:
        # As the payload that it will be a part of, one level down.
        check_object({"ext": extra_data})
    except InvalidRequest as error:
        why = error.message.removeprefix("The body ")
        raise InvalidRequest.of("extraData", f"would make a token that {why}") from None
    size = len(write_object(extra_data))
    if size > MAX_EXTRA_DATA_BYTES:
        message = f"has {size} bytes in UTF-8; at most {MAX_EXTRA_DATA_BYTES} are taken."
        raise InvalidRequest.of("extraData", message, FaultKind.TOO_LONG)
    return extra_data


def _whole(number: object) -> object:
    return math.ceil(number) if isinstance(number, float) else number


def _integral(number: object) -> object:
    return int(number) if isinstance(number, float) and number.is_integer() else number


WHOLE = BeforeValidator(_integral)
"""For a whole number, which JSON may write as 3600.0 too."""

type LowerId = Annotated[str, AfterValidator(lambda text: find_id(text) or text)]
"""An id that Signet made, in lower case. What has not the form of one stays as it is, and names nothing."""

type MaxAge = Annotated[
    int,
    Field(
        gt=0,
        le=MAX_AGE_LIMIT_MS,
        description="a number of milliseconds above 0, up to 100 years, such as 86400000 for a day",
    ),
    BeforeValidator(_whole),
    described(type="number"),
]
"""A max age in milliseconds: a positive number up to 100 years; comes out as a whole one."""

type ExtraData = Annotated[
    dict[str, Any],
    AfterValidator(_usable),
    described(description="Any members, of 4096 bytes at most as JSON in UTF-8."),
]
"""Any JSON object of up to 4 KiB in UTF-8, of which a token can be made."""


def _source(address: str) -> str:
    source = find_source(address)
    if source is None:
        message = (
            "must be an IPv4 or IPv6 address, such as 203.0.113.7 or 2001:db8::1; leave it out where you do"
            " not know it."
        )
        raise InvalidRequest.of("sourceIp", message)
    return source


type Source = Annotated[
    str, AfterValidator(_source), described(anyOf=[{"format": "ipv4"}, {"format": "ipv6"}])
]
"""The IP address that somebody came from; comes out as what it counts as (`find_source`)."""


def _faults(detail: ErrorDetails, model: type[RequestModel], members: Members) -> Iterable[FieldFault]:
    path = _path(detail)
    cause = detail.get("ctx", {}).get("error")
    if not isinstance(cause, InvalidRequest):
        return [_fault(detail, model, members)]
    # Raised by a validator of ours: of a field, whose place pydantic knows, or of several fields.
    return [FieldFault(path or fault.path, fault.kind, fault.message) for fault in cause.faults]


def _fault(detail: ErrorDetails, model: type[RequestModel], members: Members) -> FieldFault:
    path, kind = _path(detail), KINDS.get(detail["type"], FaultKind.INVALID)
    if kind is FaultKind.MISSING:
        return FieldFault(path, kind, "is required.")
    if kind is FaultKind.UNKNOWN:
        return FieldFault(path, kind, _unknown(path, model, members))
    given = _given(path, members)
    if given is None:
        message = "must not be null; give a value, or leave it out where it is optional."
        return FieldFault(path, FaultKind.MISSING, message)
    return FieldFault(
        path, FaultKind.MISSING if given == "" else kind, _message(detail, _describe(path, model))
    )


def _path(detail: ErrorDetails) -> tuple[str | int, ...]:
    """The field's place; pydantic tells a name that is wrong from its value by one more step."""
    return tuple(step for step in detail["loc"] if step != "[key]")


def _given(path: tuple[str | int, ...], members: Any) -> object:
    """What came at the path, or something that is not None where that cannot be told."""
    for step in path:
        try:
            members = members[step]
        except (KeyError, IndexError, TypeError):
            return path
    return members


def _message(detail: ErrorDetails, description: str | None) -> str:
    """Pydantic's words for developers, in those for who sends JSON."""
    context, kind = detail.get("ctx", {}), detail["type"]
    if description is not None and kind in DESCRIBED:
        return f"must be {description}."
    match kind:
        case "string_type":
            return "must be a string."
        case "bool_type" | "bool_parsing":
            return "must be true or false."
        case "list_type":
            return "must be a list."
        case "model_type" | "dict_type" | "model_attributes_type":
            return "must be a JSON object."
        case "too_long":
            return f"has too many elements; at most {context['max_length']} are taken."
        case "too_short":
            return f"has too few elements; at least {context['min_length']} must be there."
    message = detail["msg"].replace("Input should be", "must be").replace("String should", "must")
    return message[0].lower() + message[1:] + "."


def _describe(path: tuple[str | int, ...], model: type[RequestModel]) -> str | None:
    """What a field must be, in the words of its description."""
    annotation: Any = model
    for step in path:
        fields = _fields(annotation)
        annotation = fields.get(step, annotation)
    return _description(annotation)


def _description(annotation: Any) -> str | None:
    if isinstance(annotation, TypeAliasType):
        return _description(annotation.__value__)
    if isinstance(annotation, FieldInfo):
        return annotation.description
    inner = (*get_args(annotation), *getattr(annotation, "__metadata__", ()))
    return next((found for part in inner if (found := _description(part))), None)


def _unknown(path: tuple[str | int, ...], model: type[RequestModel], members: Members) -> str:
    """Says what the field may have been meant to be: a field of the same object that did not come."""
    known: dict[str | int, Any] = _fields(model)
    given: Any = members
    for step in path[:-1]:
        known = _fields(known[step]) if step in known else known
        given = given[step]
    if path[-1] in RENAMED and RENAMED[path[-1]] in known:
        return f"is unknown; it is {RENAMED[path[-1]]} now."
    name = str(path[-1])
    if len(name) <= MAX_SHOWN:
        from difflib import get_close_matches

        free = [str(field) for field in known if field not in given]
        if close := get_close_matches(name, free, n=1):
            return f"is unknown; did you mean {close[0]}?"
    return f"is unknown; the fields are {', '.join(map(str, known))}."


def _fields(annotation: Any) -> dict[str | int, Any]:
    """The fields of the model that an annotation holds, by alias, with their annotations."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {
            field.alias or name: Annotated[field.annotation, field]
            for name, field in annotation.model_fields.items()
        }
    return {name: kind for inner in get_args(annotation) for name, kind in _fields(inner).items()}
