"""SES, which sends mails."""

from collections.abc import Mapping

from signet.aws.client import AwsError, Client
from signet.errors import Unavailable


class Mailer:
    """Sends from one address. Threads may share it."""

    def __init__(self, client: Client, sender: str, configuration_set: str) -> None:
        self._client = client
        self._sender = sender
        self._configuration_set = configuration_set

    def send(self, to: str, subject: str, text: str, page: str, tags: Mapping[str, str]) -> None:
        """Send a mail. Its headers are SES's to write, of fields that cannot hold another one.

        Args:
            to: The address.
            subject: In one line.
            text: For programs that show no pages.
            page: HTML.
            tags: What the events say that come of it.

        Raises:
            Unavailable: SES did not take it, as far as anybody knows, or does not take any.
        """
        request = {
            "FromEmailAddress": self._sender,
            "Destination": {"ToAddresses": [to]},
            "Content": {
                "Simple": {
                    "Subject": _utf8(subject),
                    "Body": {"Text": _utf8(text), "Html": _utf8(page)},
                    # So that nobody's absence is answered to it (RFC 3834).
                    "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
                }
            },
            "ConfigurationSetName": self._configuration_set,
            "EmailTags": [{"Name": name, "Value": value} for name, value in tags.items()],
        }
        try:
            self._client.call("SendEmail", request)
        except AwsError as error:
            message = "SES did not take a mail; it is tried again."
            raise Unavailable(message) from error


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
