// The desk: each account with its equity, its drawdown, what each strategy instance added, and what it holds.
import { h, Fragment } from "preact";
import { useMemo } from "preact/hooks";
import { Lines } from "../lines.jsx";
import { useReading } from "../readings.js";
import { Empty, Shown, StaleNotice } from "../states.jsx";
import { Table } from "../table.jsx";
import { direction, money, moment, price, quantity, share, signed } from "../words.js";

const SPANS = [["1", "Today"], ["7", "7 days"], ["31", "31 days"]];
const COLOURS = 6;

export function DeskView({ query }) {
  const status = useReading("/status");
  const days = query.days ?? "1";
  return (
    <>
      <nav class="choices" aria-label="Span">
        {SPANS.map(([value, name]) => <a href={`#/desk?days=${value}`} aria-current={value === days ? "true" : undefined}>{name}</a>)}
      </nav>
      <Shown reading={status} height={600}>
        {({ accounts }) => (
          <>
            {accounts.map((account) => <StaleNotice key={account.account} account={account} clock={status.clock} />)}
            {accounts.every((account) => !account.as_of) && (
              <Empty title="Nothing has been traded yet">
                An account has books once its first bar is decided on. Wait for it, or run <code>fanfold status</code> to see what is missing.
              </Empty>
            )}
            {accounts.map((account) => <Account key={account.account} account={account} days={days} />)}
          </>
        )}
      </Shown>
    </>
  );
}

function Account({ account, days }) {
  const equity = useReading(`/equity?account=${encodeURIComponent(account.account)}&days=${days}`);
  return (
    <section aria-label={`Account ${account.account}`}>
      <h2>{account.account} <small>{account.venue}, in {account.currency}</small></h2>
      <Figures account={account} equity={equity.data} />
      <Legs legs={account.legs ?? []} />
      <Shown reading={equity} height={500}>{(data) => <Equity equity={data} />}</Shown>
    </section>
  );
}

function Figures({ account, equity }) {
  const tinted = (value, text) => <span class={direction(value)}>{text}</span>;
  const total = equity && Number(equity.equity_now) / Number(equity.start) - 1;
  const figures = [
    ["Equity", money(equity?.equity_now)],
    ["Day's result", tinted(equity?.day_result, signed(equity?.day_result))],
    ["Since the start", tinted(total, share(total))],
    ["Drawdown", share(equity?.drawdown)],
    ["Deepest drawdown", share(equity?.deepest)],
    ["Exposure, gross", share(equity && equity.gross / equity.equity_now)],
    ["Exposure, net", share(equity && equity.net / equity.equity_now)],
    ["Cash", money(account.cash)],
    ["Fees", money(account.fees)],
    ["Positions", account.positions],
    ["Open orders", <a href={`#/orders?account=${encodeURIComponent(account.account)}&state=open`}>{account.open_orders}</a>],
    ["Decided through", moment(account.matched_through)],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

function Legs({ legs }) {
  if (!legs.length) return null;
  const rows = legs.map(({ instance, instrument, code, detail, at }) => [instance, instrument, <b class="loss">{code}</b>, detail || "–", moment(at)]);
  return (
    <>
      <p class="muted">Legs that do not trade as their strategies want, or that the desk alone protects, as signal and risk report them:</p>
      <Table name="Legs" head={["Strategy", "Instrument", "Reported", "Why", "Since"]} rows={rows} text={[1, 2, 3]} />
    </>
  );
}

function Equity({ equity }) {
  const drawn = useMemo(() => linesOf(equity), [equity]);
  if (!equity.at.length) {
    return <Empty title="No equity to draw yet">It is drawn from the first position on, at each close.</Empty>;
  }
  const { currency, deepest } = equity;
  return (
    <>
      <figure>
        <figcaption>Equity at each close, in {currency}</figcaption>
        <Lines label={`Equity, now ${money(equity.equity_now)} ${currency}`} lines={drawn.equity} format={money} />
      </figure>
      <figure>
        <figcaption>Drawdown: how far equity is below its highest close of the span</figcaption>
        <Lines label={`Drawdown, at its deepest ${share(deepest)}`} lines={drawn.drawdown} format={share} height={120} />
      </figure>
      {drawn.results.length > 0 && (
        <figure>
          <figcaption>What each strategy added since the first close of the span, after fees</figcaption>
          <Lines label="Results by strategy; the table below has the last" lines={drawn.results} format={money} />
          <Results equity={equity} />
        </figure>
      )}
      <Positions equity={equity} />
    </>
  );
}

function linesOf({ at, equity, instances }) {
  let peak = -Infinity;
  const falls = equity.map((value) => {
    peak = Math.max(peak, Number(value));
    return peak > 0 ? Number(value) / peak - 1 : 0;
  });
  return {
    equity: [{ name: "equity", colour: "accent", area: true, at, values: equity }],
    drawdown: [{ name: "drawdown", colour: "loss", area: true, base: true, at, values: falls }],
    results: instances.map(({ instance, result }, n) => ({ name: instance, colour: `line-${n % COLOURS}`, at, values: result })),
  };
}

function Results({ equity }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Results by strategy">
      <table>
        <thead><tr><th scope="col">Strategy</th><th scope="col">Result</th><th scope="col">Holds</th></tr></thead>
        <tbody>
          {equity.instances.map(({ instance, result }, n) => {
            const last = result[result.length - 1];
            const worth = equity.positions.filter((position) => position.instance === instance).reduce((sum, { value }) => sum + Number(value), 0);
            return (
              <tr key={instance}>
                <th scope="row"><i class="swatch" style={{ background: `var(--line-${n % COLOURS})` }} />{instance}</th>
                <td class={direction(last)}>{signed(last)}</td>
                <td>{money(worth)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Positions({ equity }) {
  if (!equity.positions.length) return <Empty title="Nothing is held">Every position is closed; results of closed ones are above.</Empty>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Positions">
      <table>
        <caption>Positions at their last closes</caption>
        <thead>
          <tr>{["Strategy", "Instrument", "Quantity", "Last close", "Value", "Unrealised"].map((name, n) => <th scope="col" class={n < 2 ? "text" : ""}>{name}</th>)}</tr>
        </thead>
        <tbody>
          {equity.positions.map((position) => {
            const gain = position.mark == null ? null : position.value - position.cost;
            return (
              <tr key={`${position.instance} ${position.instrument}`}>
                <th scope="row">{position.instance}</th>
                <td class="text"><a href={`#/instrument?instrument=${encodeURIComponent(position.instrument)}&account=${encodeURIComponent(equity.account)}`}>{position.instrument}</a></td>
                <td>{quantity(position.quantity)}</td>
                <td>{price(position.mark)}</td>
                <td>{money(position.value)}</td>
                <td class={direction(gain)}>{signed(gain)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
