"""What a restored table needs."""

import botocore.session

from tests.deployment import PASSWORD, Deployment
from tools.end_all_tokens import end_all_tokens


def test_all_tokens_end_and_none_lives_again(signet: Deployment) -> None:
    """However often they are ended from then on, by whichever clock, no token of before is good."""
    here = {"applicationId": signet.application_id}
    signet.invoke("create_user", here | {"email": "ann@example.com", "password": PASSWORD})
    signet.new_application()

    def log_in() -> str:
        answer = signet.invoke("log_in", here | {"email": "ann@example.com", "password": PASSWORD})
        return str(answer["token"])

    def is_active(token: str) -> bool:
        return bool(signet.invoke("introspect_token", here | {"token": token})["active"])

    before = log_in()
    assert is_active(before)
    dynamodb = botocore.session.get_session().create_client("dynamodb")
    assert end_all_tokens(dynamodb, signet.table_name, signet.clock.now_ms()) == 2
    signet.clock.advance(10)
    assert not is_active(before)
    assert is_active(after := log_in())
    assert end_all_tokens(dynamodb, signet.table_name, signet.clock.now_ms() - 60_000) == 2
    signet.clock.advance(10)
    assert not is_active(after)
    assert is_active(after := log_in())
    signet.invoke("invalidate_application_tokens", here)
    signet.clock.advance(10)
    assert not is_active(before)
    assert not is_active(after)
    assert is_active(log_in())
