"""What the campaign does when its machine stops answering; the machine is a stand-in."""

from unittest.mock import Mock

import pytest

from scripts.emulation.campaign import Campaign
from scripts.emulation.emulator import Emulator, Ports
from scripts.emulation.paths import CardFolder
from scripts.machines.host import MachineError


def fail_at_first(tries):
    tries.append("try")
    if len(tries) == 1:
        raise MachineError("ssh was not done after 600 s")
    return "45"


@pytest.mark.parametrize(
    ("answers", "tries", "starts", "failed"),
    [(False, 2, 1, []), (True, 1, 0, ["a step"])],
    ids=["hung", "answers"],
)
def test_a_step_is_taken_again_on_a_machine_that_stopped_answering_alone(
    tmp_path, answers, tries, starts, failed
):
    """A step that fails on a machine that answers has found something."""
    campaign = Campaign(CardFolder(tmp_path / "card"), Ports())
    campaign.emulator = machine = Mock(spec=Emulator, **{"answers.return_value": answers})
    machine.wait.return_value, taken = 80.0, []
    campaign._step("a step", lambda: fail_at_first(taken))
    assert (len(taken), machine.start.call_count) == (tries, starts)
    assert campaign.report.failed == failed
