"""An SQS queue that messages are put into."""

import json
from collections.abc import Mapping

from signet.aws.client import AwsError, Client
from signet.errors import Unavailable


class Queue:
    """One queue. Threads may share it."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: Mapping[str, object], delay: int = 0) -> None:
        """Put a message into the queue.

        Args:
            message: What it says.
            delay: For how many seconds nobody gets it.

        Raises:
            Unavailable: SQS did not take it, as far as anybody knows.
        """
        try:
            request = {"QueueUrl": self._url, "MessageBody": json.dumps(message), "DelaySeconds": delay}
            self._client.call("SendMessage", request)
        except AwsError as error:
            why = "SQS did not answer in time; what was to be sent comes again."
            raise Unavailable(why) from error
