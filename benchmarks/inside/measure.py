"""Runs in the function's own process, with its packages alone: times its handler and the floor.

Reads its task from standard input and writes what it found to the file that the task names. The floor of a
request is what it cannot do without: the same calls to AWS by a bare botocore client with the same settings,
one signature for each JWT in the answer, one verification for each JWT in the event, and one argon2 for a
password in the event, with the parameters that stand in the hash. No JSON, no checks, no log.
"""

import base64
import contextlib
import functools
import importlib.util
import json
import os
import re
import sys
import time
from collections.abc import Mapping
from typing import Any
from unittest import mock

import botocore.client
import botocore.session
from botocore import xform_name
from botocore.config import Config

from benchmarks.inside.context import Context

JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
PHC = re.compile(r"\$argon2(id|i|d)\$v=\d+\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)")
BLOCK = 5
WARM_UP = 20


class Log:
    """Standard output as Lambda's runtime client has it: every write goes out at once. Counts what passes."""

    def __init__(self) -> None:
        self.written = 0
        self._file = open(os.devnull, "wb", buffering=0)  # noqa: PTH123, SIM115 - kept for the process

    def write(self, text: str) -> int:
        """Let some text go."""
        self.written += self._file.write(text.encode()) or 0
        return len(text)

    def flush(self) -> None:
        """It is out already."""


class Calls:
    """The calls to AWS that are made meanwhile: service, operation, parameters for botocore, answer."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str, dict[str, Any], Any]] = []
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> "Calls":
        if importlib.util.find_spec("signet") is not None:
            self._watch_lean()
        client = botocore.client.BaseClient
        self._originals = client._make_api_call, client._convert_to_request_dict
        make, convert = self._originals

        def make_api_call(client: Any, *arguments: Any) -> Any:
            answer = make(client, *arguments)
            self.made[-1] = (*self.made[-1][:3], answer)
            return answer

        # Here the parameters are those of the request: boto3's resources have other ones before.
        def convert_to_request_dict(
            client: Any, api_params: Any, operation_model: Any, *more: Any, **named: Any
        ) -> Any:
            service = client.meta.service_model.service_name
            self.made.append((service, operation_model.name, api_params, None))
            return convert(client, api_params, operation_model, *more, **named)

        client._make_api_call, client._convert_to_request_dict = make_api_call, convert_to_request_dict
        return self

    def __exit__(self, *_: object) -> None:
        client = botocore.client.BaseClient
        client._make_api_call, client._convert_to_request_dict = self._originals
        self._undo.close()

    def _watch_lean(self) -> None:
        from signet.aws.lean import LeanTransport

        real = LeanTransport.send

        def send(lean: LeanTransport, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
            self.made.append((lean.name, operation, dict(request), None))
            answer = real(lean, operation, request)
            self.made[-1] = (*self.made[-1][:3], answer)
            return answer

        self._undo.enter_context(mock.patch.object(LeanTransport, "send", send))


class Floor:
    """What the request cannot do without."""

    def __init__(self, calls: Calls, event: str, answer: str) -> None:
        clients: dict[str, Any] = {}
        self.steps: list[tuple[str, Any]] = []
        for service, operation, parameters, _ in calls.made:
            if service not in clients:
                clients[service] = _client(service)
            self._call(f"{service}:{operation}", getattr(clients[service], xform_name(operation)), parameters)
        for token in set(JWT.findall(event)):
            self._verify(token)
        for token in set(JWT.findall(answer)):
            self._sign(token)
        if re.search(r'\\*"password\\*"', event, re.IGNORECASE):
            traffic = [text for call in calls.made for text in (repr(call[2]), repr(call[3]))]
            # The same hash may have gone both ways, as in a rehash or a conditional write.
            for phc in sorted(set(PHC.findall(" ".join(traffic))))[:1]:
                self._argon2(phc)

    def run(self) -> None:
        """Do it once."""
        for _, step in self.steps:
            step()

    def _call(self, name: str, method: Any, parameters: dict[str, Any]) -> None:
        self.steps.append((name, lambda: method(**parameters)))

    def _sign(self, token: str) -> None:
        message = token.rpartition(".")[0].encode()
        sign, _ = _key_pair(_algorithm(token))
        self.steps.append((f"{_algorithm(token)} signature", lambda: sign(message)))

    def _verify(self, token: str) -> None:
        message = token.rpartition(".")[0].encode()
        sign, verify = _key_pair(_algorithm(token))
        signature = sign(message)
        self.steps.append((f"{_algorithm(token)} verification", lambda: verify(signature, message)))

    def _argon2(self, phc: tuple[str, ...]) -> None:
        from argon2.low_level import Type, hash_secret_raw

        kind, memory, passes, lanes, salt, digest = phc
        arguments: dict[str, Any] = {
            "salt": _unpadded(salt),
            "time_cost": int(passes),
            "memory_cost": int(memory),
            "parallelism": int(lanes),
            "hash_len": len(_unpadded(digest)),
            "type": Type[kind.upper()],
        }
        name = f"argon2{kind} m={memory} t={passes} p={lanes}"
        self.steps.append((name, lambda: hash_secret_raw(b"correct horse battery staple", **arguments)))


def _client(service: str) -> Any:
    # The settings of `signet.wiring.make_client` as they were when the floor was laid: it stays where it is.
    config = Config(
        connect_timeout=1,
        read_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 3},
        parameter_validation=False,
        account_id_endpoint_mode="disabled",
    )
    return botocore.session.get_session().create_client(service, config=config)


def _key_pair(algorithm: str) -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    arguments: tuple[Any, ...]
    key: Any
    if algorithm == "ES256":
        key, arguments = ec.generate_private_key(ec.SECP256R1()), (ec.ECDSA(SHA256()),)
    elif algorithm == "RS256":
        key, arguments = rsa.generate_private_key(65537, 2048), (padding.PKCS1v15(), SHA256())
    else:
        message = f"The floor knows no {algorithm}."
        raise ValueError(message)
    public = key.public_key()
    return lambda message: key.sign(message, *arguments), lambda s, message: public.verify(
        s, message, *arguments
    )


def _algorithm(token: str) -> str:
    header: dict[str, str] = json.loads(
        _unpadded(token.partition(".")[0].replace("-", "+").replace("_", "/"))
    )
    return header["alg"]


def _unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


class Hashing:
    """The CPU time that argon2 takes, wherever it is called from."""

    def __init__(self) -> None:
        self.spent = 0

    def watch(self) -> None:
        """From now on; where nothing has imported argon2, nothing will."""
        if (argon2 := sys.modules.get("argon2")) is None:
            return
        for name in ("hash", "verify"):
            setattr(argon2.PasswordHasher, name, self._timed(getattr(argon2.PasswordHasher, name)))

    def _timed(self, original: Any) -> Any:
        @functools.wraps(original)
        def timed(*arguments: Any, **named: Any) -> Any:
            before = time.process_time_ns()
            try:
                return original(*arguments, **named)
            finally:
                self.spent += time.process_time_ns() - before

        return timed


def _time(step: Any, hashing: Hashing) -> tuple[int, int, int]:
    """CPU, wall, and the CPU that argon2 took of it."""
    hashing.spent = 0
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    step()
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return cpu, wall, hashing.spent


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(type(value).__name__)


def main() -> None:
    """Measure one subject."""
    task = json.load(sys.stdin)
    sys.stdout = log = Log()
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    handler, context = getattr(importlib.import_module(module), name), Context()
    event = json.dumps(task["event"])

    def call() -> Any:
        return handler(json.loads(event), context)

    with Calls() as cold:
        call()
    written = log.written
    with Calls() as warm:
        answer = call()
    written = log.written - written
    hashing = Hashing()
    hashing.watch()
    # The tutorial's Tracer has patched botocore, so there is no bare client in its process.
    floor = Floor(warm if task["floor"] else Calls(), event, json.dumps(answer))

    for _ in range(WARM_UP):
        call()
        floor.run()
    if task.get("profile"):
        _profile(call, task)
        return
    measured: list[tuple[int, int, int]] = []
    bare: list[tuple[int, int, int]] = []
    deadline = time.perf_counter() + task["seconds"]
    while time.perf_counter() < deadline:
        for _ in range(BLOCK):
            fresh = json.loads(event)  # The runtime client's work, not the handler's.
            measured.append(_time(lambda: handler(fresh, context), hashing))  # noqa: B023 - called at once
        bare += [_time(floor.run, hashing) for _ in range(BLOCK)]

    found = {
        "answer": answer,
        "log_bytes": written,
        "cold_trips": [f"{service}:{operation}" for service, operation, *_ in cold.made],
        "calls": [call[:3] for call in warm.made],
        "cold_calls": [call[:3] for call in cold.made],
        "floor": [name for name, _ in floor.steps],
        "handler_ns": measured,
        "floor_ns": bare,
    }
    with open(task["output"], "w") as output:  # noqa: PTH123
        json.dump(found, output, default=_plain)


def _profile(call: Any, task: dict[str, Any]) -> None:
    import cProfile
    import io
    import pstats

    profile = cProfile.Profile()
    profile.enable()
    for _ in range(task["profile"]):
        call()
    profile.disable()
    text = io.StringIO()
    for order in ("tottime", "cumulative"):
        pstats.Stats(profile, stream=text).sort_stats(order).print_stats(60)
    with open(task["output"], "w") as output:  # noqa: PTH123
        json.dump(text.getvalue(), output)


if __name__ == "__main__":
    main()
