"""Private keys under KMS: encrypted when they are made, decrypted by a function that signs."""

from base64 import b64decode, b64encode

from signet.aws.lean import AwsError, Client
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
        return self._call("Encrypt", kid, Plaintext=private_jwk)["CiphertextBlob"]

    def decrypt(self, kid: str, encrypted: bytes) -> bytes:
        """Decrypt the private key of `kid`.

        Raises:
            SigningUnavailable: KMS refuses, is throttled or does not answer.
        """
        return self._call("Decrypt", kid, CiphertextBlob=encrypted)["Plaintext"]

    def _call(self, operation: str, kid: str, **blobs: bytes) -> dict[str, bytes]:
        request: dict[str, object] = {"KeyId": self._key_id, "EncryptionContext": {"kid": kid}}
        request |= {name: b64encode(blob).decode() for name, blob in blobs.items()}
        try:
            answer = self._client.call(operation, request)
        except AwsError as error:
            done = f"{operation.lower()}ed"
            message = f"A signing key cannot be {done} at the moment. Try again shortly."
            raise SigningUnavailable(message) from error
        return {name: b64decode(answer[name]) for name in ("CiphertextBlob", "Plaintext") if name in answer}
