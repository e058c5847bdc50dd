from pathlib import Path

import msgspec
import pytest

from catalog.members.ror import ror_id, ror_url

DEMO = Path(__file__).parents[3] / "devkit" / "demo" / "members.json"


@pytest.mark.parametrize(
    "written",
    ["03rmrcq20", "https://ror.org/03rmrcq20", "http://ror.org/03rmrcq20/", "ror.org/03RMRCQ20", " 03rmrcq20\n"],
)
def test_an_id_is_read_in_every_way_that_people_write_it(written: str) -> None:
    assert ror_id(written) == "03rmrcq20"


@pytest.mark.parametrize(
    "written",
    [
        "03rmrcq21",  # another check digit
        "03rmrqc20",  # two characters swapped
        "13rmrcq20",  # does not begin with 0
        "03rmrcl20",  # l is not in the alphabet
        "03rmrcq2",
        "03rmrcq200",
        "",
        "https://example.org/03rmrcq20",
    ],
)
def test_what_is_no_ror_id_is_told_apart(written: str) -> None:
    assert ror_id(written) is None


def test_every_demo_member_has_an_id_whose_check_digits_fit() -> None:
    members = msgspec.json.decode(DEMO.read_bytes())
    assert len(members) >= 7
    assert all(ror_id(member["ror"]) == member["ror"] for member in members)


def test_an_id_is_shown_as_an_address() -> None:
    assert ror_url("03rmrcq20") == "https://ror.org/03rmrcq20"
