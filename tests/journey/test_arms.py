"""Two arms lived without servers: other incentives for half of a portfolio, told apart in the end."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from deploy.demo.portfolio import generate
from deploy.demo.world import World
from services.cli.catalogue import load_all, policies_dir
from services.console.effects import Effects
from shared.contracts import agreement, followup, offer
from tests.journey.sequential import SequentialPlatform

START = date(2026, 1, 5)
ARMS = """
[talks]
strategies = [
  { clause = "-", source = "assumption: a trial", verified = false, value = [
    { name = "champion", share_pct = 50, first = "best_balance" },
    { name = "challenger", share_pct = 50, first = "best_balance", incentives = "early" },
  ] },
]

[incentives]
sets = [
  { clause = "-", source = "assumption: a trial", verified = false, value = [
    { name = "early", steps = [
      { after_on_time = 2, late_charges_waived_pct = 50, rate_cut_pct = 5 },
      { after_on_time = 12, late_charges_waived_pct = 100, rate_cut_pct = 10 },
    ] },
  ] },
]
"""


async def test_half_of_the_cases_have_other_rewards_and_the_report_compares_them(tmp_path: Path) -> None:
    shutil.copytree(policies_dir(), tmp_path / "packs")
    common = tmp_path / "packs" / "common.toml"
    text = common.read_text(encoding="utf-8")
    for table in ARMS.split("\n\n"):
        header, _, value = table.strip().partition("\n")
        name = value.partition(" ")[0]
        start = text.index(f"{name} = [", text.index(f"\n{header}\n"))
        text = text[:start] + value + "\n" + text[text.index("\n]\n", start) + 3 :]
    common.write_text(text, encoding="utf-8")
    platform = SequentialPlatform(load_all(policies=tmp_path / "packs"))
    portfolio = generate(20, seed=5, start=START, entry_days=10)
    await World(portfolio, seed=5, start=START, days=170, platform=platform).live()
    assert platform.failures() == []

    arms: dict[str, str] = {}
    signed: dict[str, agreement.AgreementSigned] = {}
    after: dict[str, list[int]] = {"champion": [], "challenger": []}
    effects = Effects()
    for message in platform.published:
        if message.sequence is not None:
            effects.saw(message)
        data = message.data
        if isinstance(data, offer.OfferTabled) and data.strategy is not None:
            arms[message.case] = data.strategy
        elif isinstance(data, agreement.AgreementSigned):
            signed[message.case] = data
        elif isinstance(data, followup.RewardGranted):
            after[arms[message.case]].append(int(data.reasons[0].params["count"]))
    assert set(arms.values()) == set(after)
    for case, binds in signed.items():
        tried = arms[case] == "challenger"
        assert binds.incentives == ("early" if tried else None)
        assert [step.after for step in binds.rewards or ()] == ([2, 12] if tried else [6, 12])
    assert after["challenger"]
    assert set(after["challenger"]) == {2}
    assert set(after["champion"]) <= {6, 12}
    told = {(figure.group, figure.name): figure for figure in effects.figures()}
    assert told["strategy challenger", "with the incentives: early"].count > 1
    assert told["strategy champion", "with the incentives: everybody's"].count > 1
    assert told["strategy challenger", "plans kept to the end or so far"].between is not None
