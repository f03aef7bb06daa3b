"""The tools: name, words for the assistant, scope, what calling one may do, and the records of input and answer."""

from collections.abc import Callable
from typing import Any, NamedTuple

from fanfold.cli.assistants import acts, answers, desk_reads, inputs, research_tools
from fanfold.cli.assistants.workplace import Scope, Workplace


class Tool(NamedTuple):
    """A tool. ``changes`` says that it changes something, ``ends`` that it may end something, as orders that rest.

    ``again`` says that calling it again changes nothing more; ``outside`` that others may be reached by it; ``own``
    that its answer is fanfold's own text, which is not marked as from outside.
    """

    name: str
    about: str
    scope: Scope
    input: type[Any]
    answer: type[Any]
    act: Callable[[Workplace, Any], tuple[Any, bool]]
    changes: bool = False
    ends: bool = False
    again: bool = True
    outside: bool = False
    own: bool = False


TOOLS = (
    Tool("status", "Accounts, trading states, money, open orders, queues and dead letters.", Scope.READ,
         inputs.OfDesk, answers.StatusAnswer, desk_reads.of_status),
    Tool("positions", "Positions of each strategy instance, at the last close.", Scope.READ,
         inputs.OfDesk, answers.PositionsAnswer, desk_reads.of_positions),
    Tool("orders", "The newest orders and what became of them.", Scope.READ,
         inputs.OfOrders, answers.OrdersAnswer, desk_reads.of_orders),
    Tool("why", "Why an order is what it is: fills or refusal, target, bar, and each one's place in the audit chain.",
         Scope.READ, inputs.OfOrder, answers.WhyAnswer, desk_reads.of_why),
    Tool("why_not", "Why an instrument was not traded at a time, strategy by strategy.", Scope.READ,
         inputs.OfMoment, answers.WhyNotAnswer, desk_reads.of_why_not),
    Tool("trades", "Fills of a day.", Scope.READ, inputs.OfTrades, answers.TradesAnswer, desk_reads.of_trades),
    Tool("signals", "The weight that each strategy instance wants, and the legs that do not trade, with the reason.",
         Scope.READ, inputs.OfDesk, answers.SignalsAnswer, desk_reads.of_signals),
    Tool("report", "What a run earned, and at what risk.", Scope.READ,
         inputs.OfReport, dict[str, Any], desk_reads.of_report),
    Tool("limits", "The limits of each account, and what is used of them. Changes can only be proposed to a person.",
         Scope.READ,
         inputs.OfDesk, answers.LimitsAnswer, desk_reads.of_limits),
    Tool("query", "Rows of one SQL statement of Athena's that only reads the lake: bars, signals, orders, trades.",
         Scope.READ, inputs.QueryInput, answers.RowsAnswer, desk_reads.of_query),
    Tool("data_check", "What files of bars hold, and what is doubtful in them.", Scope.READ,
         inputs.OfFiles, answers.DataAnswer, research_tools.of_data),
    Tool("strategies", "The strategies there are, with their params.", Scope.READ,
         inputs.NoInput, answers.StrategiesAnswer, research_tools.of_strategies),
    Tool("strategy_check", "What is wrong with a strategy: what it reads, keeps and gives, its warm-up and speed.",
         Scope.READ, inputs.OfStrategy, answers.CheckAnswer, research_tools.of_check),
    Tool("backtest", "What a strategy would have earned, by the rules of a run: sizes, limits, fees and fills.",
         Scope.READ, inputs.BacktestInput, answers.BacktestAnswer, research_tools.of_backtest),
    Tool("verdict", "Whether a strategy's result can be trusted: bias, luck, costs. State honestly how many "
         "configurations you tried.",
         Scope.READ, inputs.VerdictInput, answers.VerdictAnswer, research_tools.of_verdict),
    Tool("docs", "Sections of fanfold's own pages.", Scope.READ,
         inputs.DocsQuestion, answers.DocsAnswer, research_tools.of_docs, own=True),
    Tool("tickets", "The changes that were proposed, and what became of them.", Scope.READ,
         inputs.NoInput, answers.TicketsAnswer, acts.of_tickets),
    Tool("paper_run", "Trade a strategy on paper, apart from the desk. It is a dry run unless dry_run is false.",
         Scope.PAPER, inputs.PaperRunInput, answers.RunAnswer, acts.of_paper_run, changes=True, again=False),
    Tool("halt", "Stop accounts, or let them only reduce. Only a person can let them trade again. It is a dry run "
         "unless dry_run is false.", Scope.PAPER, inputs.HaltInput, answers.HaltOutcome, acts.of_halt,
         changes=True, ends=True, outside=True),
    Tool("propose", "Make a ticket for a person to approve: a change of the desk file, or that an account trades "
         "again. It changes nothing itself, and is a dry run unless dry_run is false.", Scope.PROPOSE,
         inputs.ProposalInput, answers.ProposalAnswer, acts.of_propose, changes=True, again=False),
)  # fmt: skip


def of_scope(scope: Scope) -> dict[str, Tool]:
    """Return the tools of a scope, by name."""
    return {tool.name: tool for tool in TOOLS if tool.scope <= scope}
