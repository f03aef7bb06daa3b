"""`fanfold run --strategies DIR`: a file outside the package trades, and a run goes on with that file alone."""

import json

from support.command_processes import said
from support.desk_fixture import ROOT, skip_without_node
from support.own_strategy import ALWAYS_LONG

# Long by a share that a neighbour's file says.
STRATEGY = ALWAYS_LONG.replace("import Bars\n", "import Bars\nfrom sizes import share\n").replace(
    "return state, 1.0", "return state, share(bars.close[bars.now])"
)


def test_a_strategy_of_a_folder_trades_and_continues_unless_it_changed(tmp_path):
    """A strategy and the neighbour that it imports run in the functions as they do in the console."""
    skip_without_node()
    own, state, data = tmp_path / "mine", tmp_path / "state", tmp_path / "BTCUSDT-1m.csv"
    (own / "my_desk").mkdir(parents=True)
    (own / "my_desk" / "long.py").write_text(STRATEGY)
    (own / "sizes.py").write_text("def share(close: float) -> float:\n    return 0.5 if close > 1 else 0.0\n")
    rows = [f"{1_767_225_600 + n * 60},100.0,101.0,99.0,{100 + n % 2},500.0" for n in range(40)]
    data.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    words = ("run", "--desk", str(ROOT / "desk.toml"), "--strategy", "my_desk.long", "--minutes", "20", "--json")
    code, out = said(state, *words, "--strategies", str(own), "--data", str(data))
    assert code == 0, out
    summary = json.loads(out[out.index('{"') :])
    assert (summary["fills"] > 0, summary["books_balance"], summary["dead_letters"]) == (True, True, 0)
    code, out = said(state, "status", "--json")
    assert (code, json.loads(out)["running"]) == (0, False)
    code, out = said(state, "run", "--continue", "--minutes", "5", "--json")
    assert (code, json.loads(out[out.index('{"') :])["minutes"]) == (0, 5), out
    (own / "sizes.py").write_text("def share(close: float) -> float:\n    return 0.1\n")
    code, out = said(state, "run", "--continue", "--minutes", "5")
    assert (code, f"the strategy in {own / 'sizes.py'} is another one" in out) == (2, True), out
