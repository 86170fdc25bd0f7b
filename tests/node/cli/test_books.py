"""`mycelia account`, `trace`, `recall` and `books`: from a sack of flour to a loaf, and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from .conftest import Mycelia

CHARTER = """
name = "Oost"

[classes]
flour = "kg/1000"
bread = "kg/1000"

[measures.mass]
unit = "kg"
source = "scales"
factors = { flour = [1, 1000], bread = [1, 1000] }
"""


@pytest.fixture
def bakery(mycelia: Mycelia, home: Path, tmp_path: Path) -> Mycelia:
    """Return the command line of a home in a commons that weighs flour and bread."""
    file = tmp_path / "oost.toml"
    file.write_text(CHARTER)
    made = mycelia("commons", "new", "--name", "anna", "--charter", str(file))
    assert made.code == 0, made.err
    return mycelia


@pytest.fixture
def lot(bakery: Mycelia) -> str:
    """Return a lot of flour, of which a loaf was baked."""
    lot: str = bakery("event", "raise", "flour", "100 kg", "--json").json["id"]
    process = bakery("process", "--json").json["id"]
    bakery("event", "consume", "1 kg", "--of", lot, "--process", process)
    bakery("event", "produce", "bread", "0.9 kg", "--process", process)
    return lot


class TestAccounts:
    def test_teach_the_first_step_where_there_are_none(self, bakery: Mycelia) -> None:
        none = bakery("account")

        assert (none.code, none.out) == (0, "")
        assert "mycelia event raise" in none.err
        assert bakery("account", "--json").json == {"accounts": [], "claims": []}

    def test_show_the_columns_that_say_something(self, bakery: Mycelia, lot: str) -> None:
        lines = bakery("account", "anna").out.splitlines()

        assert lines[0].split() == ["WHO", "CLASS", "PRODUCED", "CONSUMED", "RAISED", "RIGHTS", "IN", "HAND"]
        assert lines[2].split() == ["anna", "flour", *["1", "kg", "100", "kg", "99", "kg", "99", "kg"]]
        assert len(bakery("account", "--class", "bread", "--json").json["accounts"]) == 1

    def test_stand_under_the_person_and_not_under_her_bot(self, bakery: Mycelia, lot: str) -> None:
        bakery("id", "delegate", "abacus", "--kinds", "need")

        assert {one["member"] for one in bakery("account", "--json").json["accounts"]} == {"anna"}

    def test_are_written_as_a_table(self, bakery: Mycelia, lot: str, tmp_path: Path) -> None:
        said = bakery("account", "--csv", str(tmp_path / "a.csv"), "--parquet", str(tmp_path / "a.parquet"))

        assert said.code == 0
        assert (tmp_path / "a.csv").read_text().startswith("party,member,resource_class,unit,given,")
        assert (tmp_path / "a.parquet").stat().st_size > 0

    @pytest.mark.parametrize("words", [["bo"], ["--class", "gold"], ["--csv", "/no/a"]])
    def test_say_what_is_wrong_in_a_sentence(self, bakery: Mycelia, lot: str, words: list[str]) -> None:
        refused = bakery("account", *words)

        assert refused.code != 0
        assert "Traceback" not in refused.err
        assert refused.err.count("\n") == 3


class TestTracing:
    def test_goes_from_a_loaf_to_its_flour(self, bakery: Mycelia, lot: str) -> None:
        loaf = bakery("trace", lot, "--forward", "--json").json["steps"][-1]["target"]

        back = bakery("trace", loaf[:18]).out.splitlines()

        assert [line.split()[1] for line in back[1:3]] == ["produce", "consume"]
        assert lot[:18] in back[2]

    def test_recalls_a_lot(self, bakery: Mycelia, lot: str) -> None:
        recalled = bakery("recall", lot)

        assert recalled.code == 0
        assert {line.split()[2] for line in recalled.out.splitlines()[1:]} == {"flour", "bread"}
        assert "2 things" in recalled.err

    def test_recalls_what_is_labelled_so(self, bakery: Mycelia, lot: str) -> None:
        labelled = bakery("lot", lot, "L-7/2026", "--expires", "+30d")

        assert "Labelled L-7/2026" in labelled.out
        assert bakery("recall", "L-7/2026", "--json").json == bakery("recall", lot, "--json").json
        assert bakery("lot", lot, "=1").code != 0

    def test_says_where_there_is_nothing_to_follow(self, bakery: Mycelia, lot: str) -> None:
        process = bakery("process", "--json").json["id"]

        refused = bakery("recall", process)

        assert refused.code != 0
        assert "made no resource" in refused.err


class TestFiles:
    def test_hold_all_books(self, bakery: Mycelia, lot: str, tmp_path: Path) -> None:
        said = bakery(
            "books", "export", "--csv", str(tmp_path / "c"), "--parquet", str(tmp_path / "p"),
            "--jsonld", str(tmp_path / "b.jsonld"), "--json",
        )  # fmt: skip

        assert len(said.json["files"]) == 15
        assert ",1,0.9,imbalance" in (tmp_path / "c" / "balances.csv").read_text()
        assert json.loads((tmp_path / "b.jsonld").read_text())["rdfs:label"] == "Oost"

    def test_are_asked_for_by_their_form(self, bakery: Mycelia) -> None:
        assert "--jsonld" in bakery("books", "export").err


class TestARecipe:
    @pytest.fixture
    def milling(self, mycelia: Mycelia, home: Path, tmp_path: Path) -> str:
        """Return a recipe of flour, in a commons that counts what things cost the air."""
        file = tmp_path / "oost.toml"
        file.write_text(CHARTER.replace("[measures", BUDGET + "\n[measures"))
        assert mycelia("commons", "new", "--name", "anna", "--charter", str(file)).code == 0
        flows = "--in", "consume:grain:1", "--out", "produce:flour:0.8", "--out", "produce:bran:0.2"
        found: str = mycelia("recipe", "milling", *flows, "--json").json["id"]
        return found

    def test_is_scaled_to_an_amount_with_what_goes_in_and_what_it_costs(self, mycelia: Mycelia, milling: str) -> None:
        flows = "--in", "consume:flour:0.5", "--in", "work:baking:0.25", "--out", "produce:bread:0.7"
        loaf = mycelia("recipe", "loaf", *flows, "--cite", milling[:16], "--json").json["id"]

        shown = mycelia("footprint", loaf, "21 kg")
        found = mycelia("footprint", loaf, "21 kg", "--json").json

        assert shown.code == 0, shown.err
        assert [line.split() for line in shown.out.splitlines() if "baking" in line] == [["work", "baking", "7.5", "h"]]
        assert [(row["name"], row["runs"]) for row in found["runs"]] == [("loaf", "30"), ("milling", "18.75")]
        assert [(row["resource_class"], row["amount"]) for row in found["goes_in"]] == [
            ("grain", "18.75"), ("baking", "7.5"),
        ]  # fmt: skip
        assert [(row["resource_class"], row["amount"]) for row in found["comes_out"]] == [("bran", "3.75")]
        # 18,750 g of grain at 2/5, 30 quarter hours at 1/3
        [row] = found["footprints"]
        assert (row["amount"], row["unit"], row["source"], row["each"]) == ("7510", "g", "a table of 2024", "7510/21")

    def test_asks_which_of_several_things_is_meant(self, mycelia: Mycelia, milling: str) -> None:
        refused = mycelia("footprint", milling, "1 kg")

        assert refused.code == 2
        assert "ran, flour comes out of milling" in refused.err
        assert mycelia("footprint", milling, "1 kg", "--class", "bran", "--json").json["goes_in"][0]["amount"] == "5"

    @pytest.mark.parametrize("words", [("1 lb", "flour"), ("0 kg", "flour"), ("1 kg", "gold"), ("1 kg", "grain")])
    def test_explains_what_it_cannot_scale_to(self, mycelia: Mycelia, milling: str, words: tuple[str, str]) -> None:
        refused = mycelia("footprint", milling, words[0], "--class", words[1])

        assert (refused.code, refused.out) == (2, "")

    def test_is_no_other_entry(self, mycelia: Mycelia, milling: str) -> None:
        process = mycelia("process", "--recipe", milling, "--json").json["id"]

        assert "no recipe that counts" in mycelia("footprint", process, "1 kg").err


BUDGET = """
grain = "kg/1000"
bran = "kg/1000"
baking = "h/4"

[budgets.co2]
unit = "g"
scope = "soft"
source = "a table of 2024"
factors = { "consume grain" = [2, 5], "work baking" = [1, 3] }
"""


class TestStock:
    def test_says_where_and_how_a_thing_is_and_what_of_it_is_away(self, bakery: Mycelia) -> None:
        words = "event produce bread 2 --at 52.37,4.89 --stage baked --state warm --json"
        loaf = bakery(*words.split()).json["id"]
        crate = bakery("event", "raise", "flour", "1", "--json").json["id"]
        stood = bakery("stock").out

        bakery("event", "combine", "0.5", "--of", loaf, "--into", crate)

        assert all(word in stood for word in ("861969c9fffffff", "baked", "warm"))
        assert "AWAY" not in stood
        [kept] = [line.split() for line in bakery("stock").out.splitlines() if line.startswith(loaf[:18])]
        assert kept[9:] == ["0.5", "kg", "in", crate[:18], "baked", "warm"]
        assert f"in {crate[:18]}" in bakery("recall", loaf).out

    def test_says_by_which_label_a_thing_is_known_and_what_it_can_still_do(self, bakery: Mycelia) -> None:
        oven = bakery("event", "raise", "bread", "1", "--json").json["id"]
        bakery("capacity", oven, "flour", "8", "--each", "1d")
        bakery("lot", oven, "SN-7")
        begin = datetime.now(UTC).replace(hour=10, minute=0) + timedelta(days=1)
        until = begin + timedelta(hours=3)
        window = f"--begin {begin:%FT%H:%MZ} --until {until:%FT%H:%MZ}"

        offered = bakery(*f"offer flour 3 --at 52.37,4.89 --action use --of {oven} {window}".split())

        assert offered.code == 0

        told, [thing] = bakery("stock").out, bakery("stock", "--json").json["resources"]
        assert all(word in told for word in ("SN-7", "8 kg of flour each 1 d", "3 kg offered, 5 kg free"))
        assert thing["capacity"]["offered"][0]["begin_ms"] <= begin.timestamp() * 1000
        assert "SN-7" in bakery("recall", "SN-7").out

    def test_is_traced_by_the_names_of_members(self, bakery: Mycelia, lot: str) -> None:
        steps = bakery("trace", lot, "--forward", "--json").json["steps"]

        assert {one["giver_member"] for one in steps} == {"anna"}
        assert all(line.endswith("anna") for line in bakery("trace", lot, "--forward").out.splitlines()[1:])


class TestTheField:
    def test_says_what_passes(self, bakery: Mycelia) -> None:
        bakery("need", "flour", "1", "--at", "52.37,4.89", "--action", "transferCustody")
        bakery("offer", "bread", "1", "--at", "52.37,4.89")

        found = bakery("field", "--json").json["signals"]

        assert {one["kind"]: one["action"] for one in found} == {"need": "transferCustody", "offer": "transfer"}
        assert "transferCustody" in bakery("field").out


class TestAnEntryThatStatesAmounts:
    def test_is_shown_in_the_unit_of_its_class(self, bakery: Mycelia, lot: str) -> None:
        taken = next(
            one["id"] for one in bakery("log", "--json").json["entries"] if one["terms"].get("action") == "consume"
        )

        assert _shown(bakery, lot)["amount"] == "100 kg"
        assert _shown(bakery, taken)["amount"] == "1 kg"

    def test_of_several_classes_has_each_in_its_own(self, bakery: Mycelia) -> None:
        words = ["recipe", "loaf", "--in", "consume:flour:0.5", "--out", "produce:bread:0.9", "--json"]

        assert _shown(bakery, bakery(*words).json["id"])["amount"] == "0.5 kg, 0.9 kg"

    def test_says_for_how_long_and_not_a_date_of_1970(self, bakery: Mycelia, lot: str) -> None:
        used = bakery("event", "use", "--of", lot, "--effort", "4 h", "--json").json["id"]
        stretch = bakery("capacity", lot, "flour", "8", "--each", "1 d", "--json").json["id"]

        assert _shown(bakery, used)["effort"] == "4 h"
        assert (_shown(bakery, stretch)["amount"], _shown(bakery, stretch)["bucket"]) == ("8 kg", "1 d")


def _shown(mycelia: Mycelia, name: str) -> dict[str, str]:
    """Return what `mycelia show` says of an entry, by the words on the left."""
    return {line[:18].strip(): line[18:] for line in mycelia("show", name).out.splitlines()}


class TestAnActionThatIsNone:
    def test_is_refused_with_those_that_there_are(self, bakery: Mycelia) -> None:
        intent = bakery("need", "flour", "1", "--at", "52.37,4.89", "--action", "lend")

        assert all(action in intent.err for action in ("transferCustody", "deliverService", "pickup"))
        assert "mycelia event --help" in bakery("event", "bake", "flour", "1").err
        assert "goes into a process" in bakery("recipe", "loaf", "--in", "eat:flour:1").err
