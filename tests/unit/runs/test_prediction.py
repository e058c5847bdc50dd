"""What is read out of the lines that a playbook tells in check mode."""

from typing import Any

import msgspec

from catalog.runs.ansible.prediction import CUT, LONGEST_DIFF, MOST_DIFF_CHARACTERS, Prediction
from catalog.runs.comparison import HostComparison, UnitChange
from catalog.runs.redaction import Redactor

SECRET = "0123456789abcdef"


def compared(*results: dict[str, Any], hidden: tuple[str, ...] = (SECRET,)) -> HostComparison:
    prediction = Prediction(Redactor(hidden).value)
    for number, result in enumerate(results):
        prediction.hear({"event": "runner_on_ok", "task": f"Task {number}", "res": result})
    return prediction.comparison([])


def test_a_task_that_would_change_nothing_is_left_out() -> None:
    assert compared({"changed": False, "path": "/etc/x"}).changes == []


def test_files_and_what_differs_in_them_are_named_by_ansibles_own_modules_too() -> None:
    diff = {"before": "one\n", "after": "two\n", "before_header": "/srv/x", "after_header": "dynamically generated"}
    (change,) = compared({"changed": True, "diff": [diff]}).changes
    assert change.files == ["/srv/x"]
    assert (change.diff or "").splitlines()[-2:] == ["-one", "+two"]


def test_of_a_loop_only_the_items_that_would_change_something_are_told() -> None:
    items = [{"changed": False, "path": "/etc/same"}, {"changed": True, "path": "/etc/other"}]
    (change,) = compared({"changed": True, "results": items}).changes
    assert change.files == ["/etc/other"]


def test_units_are_named_with_what_would_be_done_to_them() -> None:
    ours, ansibles = compared(
        {"changed": True, "started": ["a.service"], "restarted": [], "enabled": ["a.service"]},
        {"changed": True, "name": "b.service", "state": "stopped", "status": {"ActiveState": "active"}},
    ).changes
    assert ours.units == [UnitChange("a.service", "start"), UnitChange("a.service", "enable")]
    assert ansibles.units == [UnitChange("b.service", "stopped")]


def test_no_secret_is_in_what_is_told_whatever_it_stands_in() -> None:
    prediction = Prediction(Redactor([SECRET]).value)
    result = {"changed": True, "path": f"/etc/{SECRET}", "diff": {"before": SECRET, "after": f"x {SECRET}"}}
    prediction.hear({"event": "runner_on_ok", "task": f"Write {SECRET}", "res": result})
    prediction.hear({"event": "unpredicted", "task": f"Run {SECRET}", "role": None})
    told = msgspec.json.encode(prediction.comparison([f"/srv/{SECRET}"])).decode()
    assert SECRET not in told
    assert told.count("[redacted]") == 6


def test_a_long_difference_is_cut_and_says_so_and_many_stay_within_bounds() -> None:
    long = {"changed": True, "diff": {"prepared": "+x\n" * LONGEST_DIFF}}
    changes = compared(*[long] * 20).changes
    assert changes[0].diff is not None
    assert changes[0].diff.endswith(CUT)
    assert sum(len(change.diff or "") for change in changes) <= MOST_DIFF_CHARACTERS + 20 * len(CUT)


def test_what_no_json_can_hold_is_written_otherwise() -> None:
    (change,) = compared({"changed": True, "diff": {"prepared": "+a\0b\udce9"}}).changes
    assert change.diff == "+a␀b?"
