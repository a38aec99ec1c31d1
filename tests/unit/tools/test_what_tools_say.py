"""What an operator hears of AWS's refusals: a sentence."""

from collections.abc import Callable, Sequence

import pytest

from tests.deployment import Cloud
from tools import adopt, end_all_tokens, list_applications, redrive


@pytest.mark.parametrize(
    ("main", "arguments", "said"),
    [
        (end_all_tokens.main, ["nowhere"], "nowhere: "),
        (list_applications.main, ["nowhere"], "nowhere: "),
        (redrive.main, ["prod"], "signet-prod sends no events, or you may not look: "),
        (adopt.main, ["prod", "nowhere", "key", "bucket"], "Nothing was taken in. "),
    ],
    ids=["end-all-tokens", "list-applications", "redrive", "adopt"],
)
def test_what_is_not_there_is_said(
    moto_cloud: Cloud,
    capsys: pytest.CaptureFixture[str],
    main: Callable[[Sequence[str]], int],
    arguments: list[str],
    said: str,
) -> None:
    """A table or a stack of another name or Region is no bug of the tool."""
    with moto_cloud.deploy():
        capsys.readouterr()
        assert main(arguments) == 1
    assert capsys.readouterr().err.startswith(said)
