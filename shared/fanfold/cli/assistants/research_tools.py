"""Tools for research: files of bars, strategies, back-tests and verdicts, each a command in a process with limits."""

from typing import Any

from fanfold.cli.assistants import docs_search, inputs, written_strategies
from fanfold.cli.assistants.workplace import Scope, Workplace
from fanfold.errors import BadInput

CHECK_S, BACKTEST_S, VERDICT_S = 120.0, 300.0, 600.0


def of_data(place: Workplace, wanted: inputs.OfFiles) -> tuple[Any, bool]:
    """Return what files of bars hold."""
    return _run(place, ["data", "check", *map(place.workroom.folders.data, wanted.files)], CHECK_S)


def of_strategies(place: Workplace, _wanted: inputs.NoInput) -> tuple[Any, bool]:
    """Return the strategies there are."""
    return _run(place, ["strategies", *folder_of(place)], CHECK_S)


def of_check(place: Workplace, wanted: inputs.OfStrategy) -> tuple[Any, bool]:
    """Return what is wrong with a strategy."""
    return _run(place, ["strategy", "check", *words_of(place, wanted)], CHECK_S)


def of_backtest(place: Workplace, wanted: inputs.BacktestInput) -> tuple[Any, bool]:
    """Return what a strategy earned."""
    words = ["backtest", *words_of(place, wanted), "--minutes", str(wanted.minutes)]
    options = {"--cash": wanted.cash, "--fees": wanted.fees_bps, "--slippage": wanted.slippage_bps}
    words += [word for name, value in options.items() if value is not None for word in (name, str(value))]
    return _run(place, words, BACKTEST_S)


def of_verdict(place: Workplace, wanted: inputs.VerdictInput) -> tuple[Any, bool]:
    """Return whether the result of a strategy can be trusted."""
    words = ["verdict", *words_of(place, wanted), "--trials", str(wanted.trials)]
    return _run(place, words + (["--timeframe", wanted.timeframe] if wanted.timeframe else []), VERDICT_S)


def of_docs(_place: Workplace, wanted: inputs.DocsQuestion) -> tuple[Any, bool]:
    """Return the sections of the pages that fit best."""
    return {"sections": docs_search.search(wanted.words, wanted.sections)}, True


def words_of(place: Workplace, wanted: inputs.OfStrategy) -> list[str]:
    """Return the arguments of a command for a strategy, its params and its data."""
    words = _strategy(place, wanted)
    words += [word for name, value in wanted.params.items() for word in ("--param", f"{name}={value}")]
    return words + [word for file in wanted.data for word in ("--data", place.workroom.folders.data(file))]


def folder_of(place: Workplace) -> list[str]:
    """Return the arguments of a command for the user's own strategies."""
    return ["--strategies", str(place.strategies)] if place.strategies else []


def _strategy(place: Workplace, wanted: inputs.OfStrategy) -> list[str]:
    if wanted.source:
        if place.scope < Scope.PAPER:
            raise BadInput(
                "the scope read runs no text of a strategy: a person can start the server with --scope paper"
            )
        return [str(written_strategies.keep(place.own, wanted.strategy, wanted.source))]
    written = place.own / written_strategies.FOLDER / f"{wanted.strategy}.py"
    if wanted.strategy.isidentifier() and written.is_file():
        return [str(written)]
    if wanted.strategy.endswith(".py"):
        return [str(place.workroom.folders.path(wanted.strategy))]
    if wanted.strategy.startswith("-"):
        raise BadInput(f"{wanted.strategy!r} is no strategy's name")
    return [wanted.strategy, *folder_of(place)]


def _run(place: Workplace, words: list[str], seconds: float) -> tuple[Any, bool]:
    finished = place.workroom.run(words, place.budget.seconds_for(seconds))
    return finished.document, finished.good
