"""Private keys under KMS: encrypted when they are made, decrypted by a function that signs."""

from typing import Any

from signet.aws.client import AwsError, Client
from signet.errors import SigningUnavailable


class Vault:
    """A KMS key."""

    def __init__(self, client: Client, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def encrypt(self, kid: str, private_jwk: bytes) -> bytes:
        """Encrypt the private key of `kid`, bound to it by the encryption context.

        Raises:
            SigningUnavailable: KMS refuses, is throttled or does not answer.
        """
        encrypted: bytes = self._call("Encrypt", kid, Plaintext=private_jwk)["CiphertextBlob"]
        return encrypted

    def decrypt(self, kid: str, encrypted: bytes) -> bytes:
        """Decrypt the private key of `kid`.

        Raises:
            SigningUnavailable: KMS refuses, is throttled or does not answer.
        """
        private_jwk: bytes = self._call("Decrypt", kid, CiphertextBlob=encrypted)["Plaintext"]
        return private_jwk

    def _call(self, operation: str, kid: str, **blob: bytes) -> dict[str, Any]:
        request = {"KeyId": self._key_id, "EncryptionContext": {"kid": kid}, **blob}
        try:
            return self._client.call(operation, request)
        except AwsError as error:
            done = f"{operation.lower()}ed"
            message = f"A signing key cannot be {done} at the moment. Try again shortly."
            raise SigningUnavailable(message) from error
