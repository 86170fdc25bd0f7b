"""The command line without a running node: data, talk, exit codes and errors in three sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mycelia_agents.commands import run
from mycelia_node.cli import app
from mycelia_protocol import cid
from tests.builders import Commons
from tests.node.ledgers import new_ledger
from tests.node.test_proof import proven

from .conftest import Mycelia

HERE = ("--at", "52.37,4.89")
NEED = ("need", "food", "12.5", "kg", *HERE, "--until", "+2d")
COMMANDS = [
    "init", "up", "status", "need", "offer", "withdraw", "retract", "warrant", "field", "log", "show", "why", "verify",
    "commit", "accept", "deliver", "receive", "free", "lapse", "cancel",
    "agreement", "agreement propose", "agreement ls", "agreement show", "agreement sign",
    "checkpoint", "prune", "settle", "credit", "account", "trace", "recall", "books", "books quotients", "books export",
    "distribute", "equation", "equation set", "equation check", "equation show", "equation shares",
    "peer", "peer add",
    "peer ls", "peer rm", "member", "member add", "member ls", "import", "export", "demo", "demo houston",
    "demo kitchens", "demo makers", "demo hardware", "bench",
    "bench ledger", "completion", "commons", "commons new", "commons show", "commons invite", "commons join",
    "commons members", "commons admit", "commons amend", "commons ratify", "commons adopt",
    "id", "id show", "id phrase", "id prepare", "id delegate", "id rotate",
    "id guardians", "id revoke", "id restore", "id ask", "id recover", "id consent", "id complete", "id close",
    "id share", "id holders", "id sign", "id publish", "id forget-root", "id restore-root", "doctor", "release",
    "keys", "keys show", "keys protect", "event", "process", "recipe", "footprint", "capacity", "lot", "stock",
    "license", "license ls", "license show", "license check", "license explain", "attest", "permit",
    "budget", "budget ls", "budget threshold", "budget allot", "budget take",
]  # fmt: skip


class TestAHome:
    def test_begins_as_a_commons_of_one(self, mycelia: Mycelia, home: Path) -> None:
        made = mycelia("init", "--name", "anna", "--class", "food=kg/1000", "--class", "goods=piece", "--json")

        assert made.code == 0
        assert made.json["classes"] == {"food": "kg", "goods": "piece"}
        assert made.json["member"]["name"] == "anna"
        assert mycelia("status", "--json").json["entries"] == 1

    def test_has_no_warrant_of_a_chain_with_one_past(self, anna: Mycelia) -> None:
        opening = anna("log", "--json").json["entries"][0]["id"]

        said = anna("warrant", opening)

        assert said.code == 1
        assert "did not fork" in said.err
        assert "did not fork" in anna("warrant", opening, "--export", "proof.json").err
        assert anna("warrant").code == 2

    def test_checks_a_proof_without_any_commons(self, mycelia: Mycelia, tmp_path: Path) -> None:
        file, (data, *_) = tmp_path / "proof.json", proven(tmp_path)
        file.write_bytes(data)

        shown = mycelia("warrant", "--check", str(file))
        file.write_bytes(b"{}")
        refused = mycelia("warrant", "--check", str(file), "--json")

        assert (shown.code, "signed two entries for place 1" in shown.out) == (0, True)
        assert (refused.code, "warrant.form" in refused.err + refused.out) == (4, True)

    def test_sums_its_chain_up_once_it_has_said_enough(self, anna: Mycelia) -> None:
        early = anna("checkpoint")
        for _ in range(15):
            anna(*NEED)

        rehearsed, said = anna("checkpoint", "--dry-run"), anna("checkpoint", "--json")

        assert early.code == 4
        assert "Checkpoints stand 16 places or a 64th of the chain apart" in early.err
        assert "would be entry 16" in rehearsed.out
        assert (said.json["kind"], said.json["sequence"]) == ("checkpoint", 16)
        assert anna("verify").code == 0

    def test_keeps_its_headers_where_the_charter_has_no_retention(self, anna: Mycelia) -> None:
        anna(*NEED)

        pruned = anna("prune")
        rehearsed = anna("prune", "--dry-run", "--json")

        assert (pruned.code, pruned.out) == (0, "0 headers of 0 chains went, 0 KiB.\n")
        assert "where the charter has a retention" in pruned.err
        assert rehearsed.json == {"chains": 0, "headers": 0, "freed_bytes": 0, "dry_run": True}

    def test_is_not_made_twice(self, anna: Mycelia) -> None:
        again = anna("init")

        assert again.code == 1
        assert "There is a ledger already" in again.err

    def test_that_does_not_exist_is_explained(self, mycelia: Mycelia) -> None:
        lost = mycelia("status", "--json")

        assert lost.code == 1
        assert lost.json["error"]["code"] == "home"
        assert "mycelia init" in lost.json["error"]["try"]

    def test_refuses_a_class_that_is_not_understood(self, mycelia: Mycelia, home: Path) -> None:
        refused = mycelia("init", "--class", "food:kg")

        assert refused.code == 2
        assert not home.exists()

    def test_has_each_class_once(self, mycelia: Mycelia, home: Path) -> None:
        assert mycelia("init", "--class", "food=kg", "--class", "food=l").code == 2
        assert not home.exists()

    def test_is_not_made_of_a_run_file_that_is_cut_short(self, anna: Mycelia, tmp_path: Path) -> None:
        anna(*NEED)
        file, new = tmp_path / "oost.run", tmp_path / "new"
        anna("export", str(file))
        file.write_bytes(file.read_bytes()[:-10])

        assert anna("init", "--home", str(new), "--join", str(file)).code == 4
        assert not new.exists()

    @pytest.mark.parametrize(
        "words",
        [
            ("/ip4/127.0.0.1/tcp/4001",),
            ("oost.run", "--class", "food=kg"),
            ("oost.run", "--commons", "Oost"),
            ("oost.run", "--rate", "1000/100/60000"),
        ],
    )
    def test_joins_nothing_that_is_said_wrongly(self, mycelia: Mycelia, home: Path, words: tuple[str, ...]) -> None:
        assert mycelia("init", "--join", *words).code == 2
        assert not home.exists()

    def test_is_founded_with_a_rate_that_then_holds(self, mycelia: Mycelia) -> None:
        assert mycelia("init", "--name", "anna", "--commons", "Oost", "--rate", "60000/0/120000").code == 0

        assert mycelia(*NEED).code == 0
        refused = mycelia(*NEED)

        assert refused.code == 4
        assert "ahead of its rate" in refused.err
        assert "A chain says no more in a time than the charter's rate" in refused.err

    @pytest.mark.parametrize("rate", ["often", "1/2", "1000/100/60000/1", "1000/100/4399", "0/0/1"])
    def test_is_not_founded_with_a_rate_that_is_none(self, mycelia: Mycelia, home: Path, rate: str) -> None:
        refused = mycelia("init", "--name", "anna", "--rate", rate)

        assert refused.code != 0
        assert "Traceback" not in refused.err
        assert not (home / "ledger.sqlite").exists()

    @pytest.mark.parametrize("words", [("--peer", "nonsense"), ("--api-port", "70000")])
    def test_is_not_run_with_what_cannot_be(self, anna: Mycelia, words: tuple[str, ...]) -> None:
        refused = anna("up", *words)

        assert refused.code == 2
        assert "The node was not started" in refused.err

    def test_is_not_exported_among_json(self, anna: Mycelia) -> None:
        assert anna("export", "-", "--json").json["error"]["code"] == "usage"

    def test_joins_a_commons_by_its_run_file(self, anna: Mycelia, tmp_path: Path) -> None:
        need = anna(*NEED, "--json").json["id"]
        file, other = tmp_path / "oost.run", ("--home", str(tmp_path / "other"))
        anna("export", str(file))

        joined = anna("init", "--name", "bo", "--join", str(file), *other)

        assert joined.code == 0
        assert "3 entries now, 0 runs wait, 0 were not usable" in joined.err
        assert need in [one["id"] for one in anna("field", "--json", *other).json["signals"]]

    def test_that_another_program_holds_is_no_node(self, anna: Mycelia, home: Path) -> None:
        from mycelia_node.cli.door import opened

        with opened(home):
            refused = anna("status", "--json")

        assert refused.code == 3
        assert refused.json["error"]["code"] == "down"


class TestASignal:
    def test_is_published_and_seen_in_the_field(self, anna: Mycelia) -> None:
        said = anna(*NEED, "--urgency", "3", "--note", "for the soup")

        [signal] = anna("field", "--json").json["signals"]
        assert said.code == 0
        assert said.out.startswith(f"Published need {signal['id'][:18]}")
        assert (signal["remaining_text"], signal["urgency"], signal["kind"]) == ("12.5 kg", 3, "need")

    def test_takes_its_amount_in_one_word_or_two(self, anna: Mycelia) -> None:
        anna("offer", "food", "3 kg", *HERE)
        anna("offer", "food", "3", "kg", *HERE)
        anna("offer", "food", "3", *HERE)

        assert [one["amount"] for one in anna("field", "--json").json["signals"]] == [3000, 3000, 3000]

    def test_may_lie_south_of_the_equator(self, anna: Mycelia) -> None:
        assert anna("need", "food", "1", "--at", "-33.9,151.2").code == 0

    def test_is_only_checked_by_a_dry_run(self, anna: Mycelia) -> None:
        checked = anna(*NEED, "--dry-run", "--json")

        assert checked.code == 0
        assert checked.json["dry_run"] is True
        assert anna("status", "--json").json["entries"] == 1

    def test_that_a_rule_refuses_names_the_rule(self, anna: Mycelia) -> None:
        refused = anna("need", "gold", "1", *HERE, "--json")

        assert refused.code == 4
        assert refused.json["error"]["rule"] == "intent.class"
        assert refused.json["error"]["try"] == "use one of the charter's classes."

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (("need", "food", "12 lb", *HERE), "counted in kg"),
            (("need", "food", "0.00001", *HERE), "multiple of 0.001 kg"),
            (("need", "food", "lots", *HERE), "not an amount"),
            (("need", "food", "1", "--at", "nowhere"), "neither LAT,LON nor an H3 cell"),
            (("need", "food", "1", "--at", "95,4"), "not on Earth"),
            (("need", "food", "1", *HERE, "--until", "soon"), "neither like +2d nor a date"),
            (("need", "food", "1", *HERE, "--until", "-2d"), "neither like +2d nor a date"),
        ],
    )
    def test_that_says_nothing_usable_is_explained(self, anna: Mycelia, words: tuple[str, ...], named: str) -> None:
        refused = anna(*words)

        assert refused.code == 2
        assert named in refused.err
        assert refused.out == ""

    @pytest.mark.parametrize("urgency", ["1.5", "1e3", "99999999999999999999"])
    def test_is_never_published_with_another_urgency_than_was_said(self, anna: Mycelia, urgency: str) -> None:
        assert anna(*NEED, "--urgency", urgency).code == 2
        assert not anna("field", "--json").json["signals"]

    def test_asks_who_speaks_when_there_are_several(self, anna: Mycelia) -> None:
        anna("member", "add", "bo")

        unsaid, unknown = anna(*NEED), anna(*NEED, "--as", "zoe")

        assert (unsaid.code, unknown.code) == (2, 2)
        assert "name anna or bo" in unsaid.err
        assert anna(*NEED, "--as", "bo").code == 0

    def test_is_withdrawn_by_the_beginning_of_its_id(self, anna: Mycelia) -> None:
        need = anna(*NEED, "--json").json["id"]

        assert anna("withdraw", need[:18]).code == 0
        assert anna("field", "--json").json["signals"] == []
        assert anna("withdraw", need[:18]).code == 4


class TestAnEntry:
    def test_is_shown_by_the_beginning_that_the_log_prints(self, anna: Mycelia) -> None:
        anna(*NEED)
        printed = anna("log", "--kind", "need").out.splitlines()[1].split()[1]

        shown = anna("show", printed, "--json").json

        assert shown["id"].startswith(printed)
        assert (shown["terms"]["amount"], shown["amount_text"]) == (12_500, "12.5 kg")

    def test_is_shown_to_people_in_their_units(self, anna: Mycelia) -> None:
        anna("need", "food", "12.5", *HERE, "--until", "+2d", "--note", "soup")
        printed = anna("log", "--kind", "need").out.splitlines()[1].split()[1]

        shown = dict(line.split(maxsplit=1) for line in anna("show", printed).out.splitlines())

        assert (shown["amount"], shown["note"]) == ("12.5 kg", "soup")
        assert shown["cell"].startswith("86")
        assert shown["end"].endswith(("(in 1 d)", "(in 2 d)"))

    def test_that_lasts_too_long_is_told_how_long_it_may(self, anna: Mycelia) -> None:
        assert "more than 400 days after the entry" in anna("need", "food", "1", *HERE, "--until", "+900d").err

    def test_loses_its_note_when_it_is_retracted(self, anna: Mycelia) -> None:
        need = anna(*NEED, "--note", "soup", "--json").json["id"]

        assert anna("retract", need[:18], "--dry-run").code == 0
        assert anna("show", need, "--json").json["body"] == {"note": "soup"}
        said = anna("retract", need[:18])

        assert "is a request" in said.err
        assert anna("show", need, "--json").json["body"] is None
        assert anna("why", need, "--json").json["is_effective"] is True

    def test_is_retracted_with_at_most_31_others(self, anna: Mycelia) -> None:
        said = anna("retract", *["bafyreig4xq7rm2"] * 33)

        assert said.code == 2
        assert "33 entries" in said.err

    def test_that_was_withdrawn_says_so(self, anna: Mycelia) -> None:
        need = anna(*NEED, "--json").json["id"]
        anna("withdraw", need)

        assert "It is withdrawn" in anna("why", need).out
        assert anna("why", need, "--json").json["withdrawn"] is True

    @pytest.mark.parametrize(
        ("words", "named"), [(("field", "--class", "gold"), "food"), (("log", "--kind", "gossip"), "commit")]
    )
    def test_is_not_looked_for_where_none_can_be(self, anna: Mycelia, words: tuple[str, ...], named: str) -> None:
        refused = anna(*words)

        assert refused.code == 2
        assert named in refused.err

    def test_says_why_it_counts(self, anna: Mycelia) -> None:
        need = anna(*NEED, "--json").json["id"]

        why = anna("why", need[:18], "--json").json

        assert (why["verdict"], why["is_effective"]) == ("valid", True)
        assert why["checked"][-1] == "need.resource"

    def test_that_nobody_holds_is_unknown(self, anna: Mycelia) -> None:
        unknown = anna("why", "bafyreiaaaaaaaaaaa", "--json")

        assert unknown.code == 1
        assert unknown.json["error"]["code"] == "unknown"

    def test_is_judged_again_with_all_others(self, anna: Mycelia) -> None:
        anna(*NEED)

        verified = anna("verify", "--json")

        assert verified.code == 0
        assert (verified.json["entries"], verified.json["faults"]) == (2, [])

    def test_that_waits_is_listed_and_is_no_fault(self, mycelia: Mycelia, home: Path) -> None:
        commons = Commons()
        anna, bo = commons.member("anna"), commons.member("bo")
        need, offer = anna.need(), bo.offer()
        ledger = new_ledger(home)
        ledger.ingest([[bo.opening], [offer], [bo.row(offer, (need, 3))]])
        ledger.close()

        verified = mycelia("verify")

        assert verified.code == 0
        assert f"waits  entry 2 of chain {cid.text(bo.chain)[:18]} for {cid.text(need.id)[:18]}" in verified.out


class TestAPeer:
    ADDRESS = "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWKk7wVNM65VkJHNL3g9aqUUV4d8jVBkue7tXLmvdLX7zJ"

    def test_is_remembered_for_when_the_node_runs(self, anna: Mycelia) -> None:
        assert anna("peer", "add", self.ADDRESS).code == 0

        [peer] = anna("peer", "ls", "--json").json["peers"]
        assert (peer["address"], peer["is_connected"]) == (self.ADDRESS, False)
        assert "peers     0 of 1 connected" in anna("status").out

    @pytest.mark.parametrize("name", [ADDRESS, ADDRESS.rpartition("/")[2]])
    def test_is_forgotten_by_its_address_or_its_node(self, anna: Mycelia, name: str) -> None:
        anna("peer", "add", self.ADDRESS)

        assert anna("peer", "rm", name).out == f"Forgot {self.ADDRESS}.\n"
        assert anna("peer", "ls", "--json").json["peers"] == []
        assert anna("peer", "rm", name).code == 2

    @pytest.mark.parametrize("address", ["foo", "/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/tcp/1/p2p/0OIl"])
    def test_needs_an_address_that_names_a_node(self, anna: Mycelia, address: str) -> None:
        assert anna("peer", "add", address).code == 2


class TestAnError:
    def test_begins_with_an_id_or_a_file_as_it_can_be_pasted_back(self, anna: Mycelia) -> None:
        chain = anna("member", "ls", "--json").json["members"][0]["chain"]

        assert f"\n{chain} uses no licensed thing." in anna("license", "explain", chain).err
        assert anna("account", "--csv", "no/such/place.csv").err.startswith("no/such/place.csv was not written.")

    def test_says_a_law_once_where_the_message_says_no_more(self, anna: Mycelia) -> None:
        refused = anna("process", "--recipe", anna("member", "ls", "--json").json["members"][0]["chain"])

        assert refused.err.count("process follows a recipe, or none") == 1

    def test_is_three_sentences_on_stderr(self, mycelia: Mycelia) -> None:
        lost = mycelia("status")

        assert lost.out == ""
        assert len(lost.err.splitlines()) == 3

    def test_is_one_object_on_stdout_with_json(self, mycelia: Mycelia) -> None:
        lost = mycelia("status", "--json")

        assert lost.err == ""
        assert set(lost.json["error"]) == {"code", "rule", "what", "why", "try"}

    def test_suggests_the_command_that_was_meant(self, mycelia: Mycelia) -> None:
        unknown = mycelia("neeed")

        assert unknown.code == 2
        assert 'Did you mean "need"?' in unknown.err

    def test_of_usage_is_an_object_too(self, mycelia: Mycelia) -> None:
        usage = mycelia("need", "food", "--json")

        assert usage.code == 2
        assert usage.json["error"]["code"] == "usage"

    def test_shows_its_traceback_only_when_asked(self, mycelia: Mycelia) -> None:
        from mycelia_node.cli.failures import Failure

        with pytest.raises(Failure):
            run(["status", "--debug"])


class TestAnAmount:
    def test_below_zero_is_told_so_and_not_taken_for_an_option_alone(self, anna: Mycelia) -> None:
        refused = anna("event", "raise", "food", "-5 kg")

        assert refused.code == 2
        assert "no amount is below zero" in refused.err


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_ends_with_two_real_examples(self, mycelia: Mycelia, command: str) -> None:
        page = mycelia(*command.split(), "--help").out.rstrip().splitlines()

        begins = page.index("Examples:")
        assert len(page) - begins == 3
        assert all(line.startswith(f"  mycelia {command}") for line in page[begins + 1 :])

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_has_a_completion_script_for_each_shell(self, mycelia: Mycelia, shell: str) -> None:
        script = mycelia("completion", shell).out

        assert "withdraw" in script
        assert "houston" in script

    def test_lists_every_command(self, mycelia: Mycelia) -> None:
        page = mycelia("--help").out

        assert all(command.split()[0] in page for command in COMMANDS)
        assert {name for name in app if not name.startswith("-")} == {command.split()[0] for command in COMMANDS}


class TestJson:
    def test_is_one_object_for_every_listing(self, anna: Mycelia) -> None:
        for words in (["log"], ["member", "ls"], ["peer", "ls"], ["field"], ["status"], ["verify"]):
            assert isinstance(json.loads(anna(*words, "--json").out), dict), words
