"""Private keys under KMS: encrypted when they are made, decrypted by a function that signs."""

from base64 import b64decode, b64encode

from signet.aws import AwsError, Client
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
        try:
            answer = self._client.call("Encrypt", self._request(kid, "Plaintext", private_jwk))
        except AwsError as error:
            message = "A new signing key cannot be encrypted at the moment. Run rotate_keys again shortly."
            raise SigningUnavailable(message) from error
        return b64decode(answer["CiphertextBlob"])

    def decrypt(self, kid: str, encrypted: bytes) -> bytes:
        """Decrypt the private key of `kid`.

        Raises:
            SigningUnavailable: KMS refuses, is throttled or does not answer.
        """
        try:
            answer = self._client.call("Decrypt", self._request(kid, "CiphertextBlob", encrypted))
        except AwsError as error:
            message = "The signing key cannot be decrypted at the moment. Try again shortly."
            raise SigningUnavailable(message) from error
        return b64decode(answer["Plaintext"])

    def _request(self, kid: str, member: str, content: bytes) -> dict[str, object]:
        return {
            "KeyId": self._key_id,
            member: b64encode(content).decode(),
            "EncryptionContext": {"kid": kid},
        }
