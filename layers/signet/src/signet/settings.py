"""The functions' settings: the only reader of the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """What the template tells every function. Durations are in seconds.

    Attributes:
        table_name: The DynamoDB table.
        kms_key_id: Id or ARN of the KMS key that encrypts private signing keys.
        signing_algorithm: `ES256` or `RS256`, for the next key that is made.
        application_cache_seconds: How long an instance may use an application that it has read:
            the published bound of an application-wide invalidation.
        key_ring_seconds: How long an instance may use the key ring that it has read.
        key_rotation_days: How long a key signs.
        verifier_cache_seconds: How long a slow verifier keeps the JWKS beyond what it is told.
        argon2_memory_kib: The memory that hashing a password takes, in kibibytes.
        argon2_passes: How often it goes over that memory.
        argon2_lanes: In how many parallel lanes.
        transfer_bucket: The S3 bucket of imports, exports and their reports.
        application_id: The one application whose users an authorizer lets in, where its routes do not
            name one; only authorizers have it, so it may be missing.
        authorizer_group_ids: The groups whose members, and those of their ancestors, an authorizer lets in;
            None where it lets in every user. What is no group's id lets nobody in.
        event_sources: The EventBridge sources whose events are taken; none where it is missing.
        queue_arns: The SQS queues whose messages are taken, of `send_mail` its own; none where both variables
            are missing.
        origin_secret_digests: SHA-256, in hex, of the secrets of what stands before the API; none where
            nothing does.
        event_bus_name: The EventBridge bus that hears what happens; only `publish_events` has it.
        unsent_queue_url: The SQS queue of what that cannot tell of; likewise.
        mail_queue_url: The SQS queue of mails to be sent; None where no mails are, and for who asks for none.
        mail_from: The address that mails come from; only `send_mail` has it.
        mail_configuration_set: SES's configuration set for them; likewise.
        mail_bucket: The S3 bucket of the owner's templates; likewise.
    """

    table_name: str
    kms_key_id: str
    signing_algorithm: str
    application_cache_seconds: float
    key_ring_seconds: int
    key_rotation_days: int
    verifier_cache_seconds: int
    argon2_memory_kib: int
    argon2_passes: int
    argon2_lanes: int
    transfer_bucket: str
    application_id: str | None
    authorizer_group_ids: frozenset[str] | None
    event_sources: frozenset[str]
    queue_arns: frozenset[str]
    origin_secret_digests: frozenset[str]
    event_bus_name: str | None
    unsent_queue_url: str | None
    mail_queue_url: str | None
    mail_from: str | None
    mail_configuration_set: str | None
    mail_bucket: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings.

        Raises:
            RuntimeError: A variable is missing. There are no defaults here: the template has them,
                and a default that hides a missing setting would surface as a riddle later.
        """
        try:
            return cls(
                table_name=environment["TABLE_NAME"],
                kms_key_id=environment["KMS_KEY_ID"],
                signing_algorithm=environment["SIGNING_ALGORITHM"],
                application_cache_seconds=float(environment["APPLICATION_CACHE_SECONDS"]),
                key_ring_seconds=int(environment["KEY_RING_SECONDS"]),
                key_rotation_days=int(environment["KEY_ROTATION_DAYS"]),
                verifier_cache_seconds=int(environment["VERIFIER_CACHE_SECONDS"]),
                argon2_memory_kib=int(environment["ARGON2_MEMORY_KIB"]),
                argon2_passes=int(environment["ARGON2_PASSES"]),
                argon2_lanes=int(environment["ARGON2_LANES"]),
                transfer_bucket=environment["TRANSFER_BUCKET"],
                application_id=environment.get("APPLICATION_ID") or None,
                authorizer_group_ids=(
                    _names(environment["AUTHORIZER_GROUP_IDS"])
                    if environment.get("AUTHORIZER_GROUP_IDS")
                    else None
                ),
                event_sources=_names(environment.get("EVENT_SOURCES", "")),
                queue_arns=_names(
                    f"{environment.get('QUEUE_ARNS', '')},{environment.get('MAIL_QUEUE_ARN', '')}"
                ),
                origin_secret_digests=_names(environment.get("ORIGIN_SECRET_DIGESTS", "")),
                event_bus_name=environment.get("EVENT_BUS_NAME") or None,
                unsent_queue_url=environment.get("UNSENT_QUEUE_URL") or None,
                mail_queue_url=environment.get("MAIL_QUEUE_URL") or None,
                mail_from=environment.get("MAIL_FROM") or None,
                mail_configuration_set=environment.get("MAIL_CONFIGURATION_SET") or None,
                mail_bucket=environment.get("MAIL_BUCKET") or None,
            )
        except KeyError as error:
            raise missing(error.args[0]) from None


def missing(variable: str) -> RuntimeError:
    """What to raise where a function wants a variable that its environment lacks."""
    return RuntimeError(f"The environment variable {variable} is not set; template.yaml sets it.")


def aws_client(environment: Mapping[str, str] = os.environ) -> str:
    """The client that asks DynamoDB and KMS: `boto3`, or `lean`. What is not deployed need not say.

    Raises:
        RuntimeError: It is neither.
    """
    chosen = environment.get("AWS_CLIENT", "boto3")
    if chosen not in ("boto3", "lean"):
        message = f"AWS_CLIENT is {chosen}; it must be boto3 or lean."
        raise RuntimeError(message)
    return chosen


def aws_endpoint(environment: Mapping[str, str] = os.environ) -> str | None:
    """The base URL of an AWS other than Amazon's, an emulator's; None for Amazon's own."""
    return environment.get("AWS_ENDPOINT_URL") or None


def stack_name(environment: Mapping[str, str] = os.environ) -> str:
    """The stack that the function belongs to; `local` for what is not deployed."""
    return environment.get("STACK_NAME") or "local"


def _names(text: str) -> frozenset[str]:
    """What stands between commas."""
    return frozenset(name.strip() for name in text.split(",") if name.strip())
