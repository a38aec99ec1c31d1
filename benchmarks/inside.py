"""Runs in the function's own process, with its packages alone: its handler, and the floor of its request.

Reads a command a line, and answers each with a line: `call` calls the handler, `floor` lays the floor, `run`
times both in turns. The floor is what the request cannot do without: the same calls to AWS by a bare botocore
client with the same settings, one signature for each JWT in the answer, one verification for each JWT in the
event, and one argon2 for a password in the event, with the parameters that stand in the hash. No JSON, no
checks, no log.
"""

import base64
import importlib
import json
import os
import re
import sys
import time
from typing import Any

JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
PHC = re.compile(r"\$argon2(id|i|d)\$v=\d+\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)")
_BYTES = frozenset({"B", "CiphertextBlob", "Plaintext"})
"""Members that hold bytes. An attribute of that name would be an object, never a text."""


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


class Context:
    """What Lambda hands a handler besides the event."""

    aws_request_id = "8a6f3b0e-6d5c-4f0e-9d3a-2f6f4f1c7f10"
    function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    function_version = "$LATEST"
    memory_limit_in_mb = "512"
    invoked_function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"
    identity = None
    client_context = None

    def get_remaining_time_in_millis(self) -> int:
        """The time that is left."""
        return 10_000


class Floor:
    """What the request cannot do without."""

    def __init__(self, calls: list[list[str]], event: str, answer: str) -> None:
        """Lay it.

        Args:
            calls: Of each call that the handler makes, service and operation, request and answer.
            event: The event, in JSON.
            answer: The handler's answer, in JSON.
        """
        clients: dict[str, Any] = {}
        self.steps: list[tuple[str, Any]] = []
        for name, request, _ in calls:
            service, _, operation = name.partition(":")
            if service not in clients:
                clients[service] = _client(service)
            method = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
            self._call(name, getattr(clients[service], method), _with_bytes(json.loads(request)))
        # What comes with the authorizer's answer, the authorizer has verified.
        for token in () if '"authorizer":' in event else set(JWT.findall(event)):
            self._verify(token)
        for token in set(JWT.findall(answer)):
            self._sign(token)
        if re.search(r'\\*"password\\*"', event, re.IGNORECASE):
            # The same hash may have gone both ways, as in a rehash or a conditional write.
            for phc in sorted(set(PHC.findall(json.dumps(calls))))[:1]:
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
    import botocore.session
    from botocore.config import Config

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
    """The CPU time that argon2 takes, whoever calls it: stands in the place of its C library."""

    def __init__(self) -> None:
        self.spent = 0

    def watch(self) -> None:
        """From now on; where nothing has imported argon2, nothing will."""
        if (argon2 := sys.modules.get("argon2.low_level")) is not None:
            self._library, argon2.lib = argon2.lib, self  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._library, name)
        if not callable(found):
            return found

        def hash_it(*arguments: Any) -> Any:
            before = time.process_time_ns()
            result = found(*arguments)
            self.spent += time.process_time_ns() - before
            return result

        return hash_it


def _with_bytes(value: Any, name: str = "") -> Any:
    """A request as botocore takes it: with bytes instead of their base64."""
    if name in _BYTES and isinstance(value, str):
        return base64.b64decode(value)
    if isinstance(value, dict):
        return {key: _with_bytes(member, key) for key, member in value.items()}
    return [_with_bytes(element) for element in value] if isinstance(value, list) else value


class Process:
    """The handler, the floor, and the commands."""

    def __init__(self, event: Any) -> None:
        sys.stdout = self._log = Log()
        module, _, name = os.environ["_HANDLER"].rpartition(".")
        self._handler, self._context = getattr(importlib.import_module(module), name), Context()
        self._event = json.dumps(event)
        self._hashing = Hashing()
        self._floor = Floor([], "", "")
        self._answer = ""

    def call(self) -> dict[str, Any]:
        """Call the handler once: its answer, and how much it logged."""
        before = self._log.written
        answer = self._handler(json.loads(self._event), self._context)
        self._answer = json.dumps(answer)
        return {"answer": answer, "log_bytes": self._log.written - before}

    def floor(self, calls: list[list[str]]) -> list[str]:
        """Lay the floor: the names of its steps."""
        self._hashing.watch()
        self._floor = Floor(calls, self._event, self._answer)
        return [name for name, _ in self._floor.steps]

    def run(self, times: int) -> dict[str, list[tuple[int, int, int]]]:
        """Some calls, then the floor as often: of each, nanoseconds of CPU, wall time, and argon2's CPU."""
        events = [json.loads(self._event) for _ in range(times)]  # The runtime client's work.
        return {
            "handler": [self._time(lambda: self._handler(events.pop(), self._context)) for _ in range(times)],
            "floor": [self._time(self._floor.run) for _ in range(times)],
        }

    def _time(self, step: Any) -> tuple[int, int, int]:
        self._hashing.spent = 0
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        step()
        cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
        return cpu, wall, self._hashing.spent


def main() -> None:
    """Do what standard input says."""
    out = sys.stdout
    process = Process(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        command, arguments = json.loads(line)
        print(json.dumps(getattr(process, command)(*arguments)), file=out, flush=True)


if __name__ == "__main__":
    main()
