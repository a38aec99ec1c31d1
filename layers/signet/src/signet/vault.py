"""Private keys under KMS: encrypted when they are made, decrypted by a function that signs."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from signet.errors import SigningUnavailable

if TYPE_CHECKING:
    from botocore.client import BaseClient


class Vault:
    """A KMS key, through a botocore client."""

    def __init__(self, client: "BaseClient", key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def encrypt(self, kid: str, private_key_der: bytes) -> bytes:
        """Encrypt the private key of `kid`, bound to it by the encryption context."""
        answer = self._client.encrypt(
            KeyId=self._key_id, Plaintext=private_key_der, EncryptionContext={"kid": kid}
        )
        blob: bytes = answer["CiphertextBlob"]
        return blob

    def decrypt(self, kid: str, encrypted: bytes) -> bytes:
        """Decrypt the private key of `kid`.

        Raises:
            SigningUnavailable: KMS refuses, is throttled or does not answer.
        """
        try:
            answer = self._client.decrypt(
                KeyId=self._key_id, CiphertextBlob=encrypted, EncryptionContext={"kid": kid}
            )
        except (BotoCoreError, ClientError) as error:
            message = "The signing key cannot be decrypted at the moment. Try again shortly."
            raise SigningUnavailable(message) from error
        plaintext: bytes = answer["Plaintext"]
        return plaintext
