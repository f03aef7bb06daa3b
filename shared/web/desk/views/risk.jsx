// Risk: what is used of each limit, each account's trading state, and why orders were refused.
import { h, Fragment } from "preact";
import { Bar } from "../bar.jsx";
import { useReading } from "../readings.js";
import { Empty, Notice, Shown } from "../states.jsx";
import { direction, moment, money, price, signed, span } from "../words.js";

/** The limits of the desk file in words. */
const NAMES = {
  order_notional_max: "Notional of an order",
  position_notional_max: "Notional of a position",
  gross_max: "Gross exposure",
  net_max: "Net exposure",
  orders_per_minute_max: "Orders a minute",
  daily_loss_max: "Loss of the day",
  drawdown_max: "Loss from the peak",
  collar_bps: "Price collar",
  bar_age_s_max: "Age of a price",
  signal_age_s_max: "Age of a signal",
  cash: "Cash reserved",
};
const NEAR = 0.8;

export function RiskView() {
  const limits = useReading("/limits");
  const status = useReading("/status");
  const refusals = useReading("/refusals");
  const states = new Map(status.data?.accounts.map((account) => [account.account, account]));
  return (
    <>
      <Shown reading={limits}>
        {({ accounts }) => (
          <>
            <p class="muted">From risk's own ledger, as it would decide at {moment(limits.clock / 1000)}.</p>
            {accounts.map((account) => (
              <Account key={account.account} account={account} state={states.get(account.account)} clock={limits.clock} />
            ))}
          </>
        )}
      </Shown>
      <section aria-label="Refusals">
        <h2>Refusals by reason</h2>
        <Shown reading={refusals} height={120}>{(data) => <Refusals {...data} />}</Shown>
      </section>
    </>
  );
}

function Account({ account, state, clock }) {
  const opened = account.limits.length > 0;
  return (
    <section aria-label={`Limits of ${account.account}`}>
      <h2>{account.account} <small>in {account.currency}</small></h2>
      <p>
        <strong class={account.trading_state === "ACTIVE" ? "gain" : "loss"}>{account.trading_state}</strong>{" "}
        {state?.trading_state_reason && `${state.trading_state_reason}, by ${state.trading_state_actor}`}
      </p>
      {account.breach && (
        <Notice kind="failed" title={`A loss limit is broken: ${account.breach}`}>
          Only orders that reduce a position pass. See docs/runbook.md; after a drawdown, resume with “rearm”.
        </Notice>
      )}
      {Object.entries(account.frozen).map(([instrument, why]) => (
        <Notice kind="stale" title={`${instrument} is frozen`}>{why}. Only orders that reduce it pass.</Notice>
      ))}
      {opened ? <Limits account={account} clock={clock} /> : (
        <Empty title="Not opened yet">The account has no books, so nothing of its limits is used. <code>fanfold run</code> opens it, in a stage <code>fanfold open</code>.</Empty>
      )}
    </section>
  );
}

function Limits({ account, clock }) {
  const dayResult = account.equity == null ? null : Number(account.equity) - Number(account.day_start_equity);
  const figures = [
    ["Equity", money(account.equity)],
    [`Since ${account.day || "the day began"}`, <span class={direction(dayResult)}>{signed(dayResult)}</span>],
    ["Peak", money(account.peak_equity)],
  ];
  const most = account.limits.find(({ limit }) => limit === "bar_age_s_max")?.most;
  return (
    <>
      <dl class="figures">{figures.map(([name, value]) => <div><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      <div class="scroll" tabIndex={0} role="group" aria-label={`Limits of ${account.account}, line by line`}>
        <table class="limits">
          <thead><tr><th>Limit</th><th>Share</th><th>Used</th><th>Left</th><th>At most</th></tr></thead>
          <tbody>
            {account.limits.filter(({ limit }) => limit !== "bar_age_s_max" || !account.marks.length).map((each) => <Limit key={each.limit + each.subject} {...each} />)}
            {account.marks.map((mark) => <Age key={mark.instrument} {...mark} clock={clock} most={Number(most)} />)}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Limit({ limit, subject, unit, most, used, left, share, why }) {
  const name = [NAMES[limit] ?? limit, subject].filter(Boolean).join(", ");
  const state = used != null && Number(used) > Number(most) ? "broken" : Number(share) >= NEAR ? "near" : "";
  return (
    <tr>
      <th scope="row" title={limit}>{name}</th>
      {used == null
        ? <td class="text muted" colSpan={3}>{why}</td>
        : <><td><Bar name={name} share={Number(share ?? 0)} state={state} /></td><td>{figure(used, unit)}</td><td>{figure(left, unit)}</td></>}
      <td>{figure(most, unit)}</td>
    </tr>
  );
}

function Age({ instrument, closed_at, price: close, clock, most }) {
  const seconds = Math.max(0, (clock - Date.parse(closed_at)) / 1000);
  const name = `${NAMES.bar_age_s_max}, ${instrument}`;
  return (
    <tr>
      <th scope="row" title={`closed at ${price(close)}, ${moment(closed_at)}`}>{name}</th>
      <td><Bar name={name} share={most ? seconds / most : 1} state={seconds > most ? "broken" : ""} /></td>
      <td>{span(seconds)}</td><td>{span(Math.max(0, most - seconds))}</td><td>{span(most)}</td>
    </tr>
  );
}

function figure(value, unit) {
  if (unit === "currency") return money(value);
  return unit === "basis points" ? `${Number(value)} bps` : unit === "seconds" ? span(Number(value)) : String(Number(value));
}

function Refusals({ decided, since, refusals }) {
  if (!refusals.length) {
    return <Empty title="Nothing was refused">{decided ? `Of the last ${decided} orders, since ${moment(since)}, risk approved every one.` : "Risk has not decided on any order yet."}</Empty>;
  }
  return (
    <>
      <p class="muted">Of the last {decided} orders, since {moment(since)}.</p>
      <div class="scroll" tabIndex={0} role="group" aria-label="Refusals, line by line">
        <table>
          <thead><tr><th>Reason</th><th>Orders</th><th class="text">Last</th><th class="text">Last one</th></tr></thead>
          <tbody>
            {refusals.map((each) => (
              <tr>
                <th scope="row" title={each.about}><a href="#/orders?state=refused">{each.code}</a></th>
                <td>{each.count}</td>
                <td class="text">{moment(each.last_at)}</td>
                <td class="text wrap"><a href={`#/orders?order=${each.order_id}`}>{each.instance} {each.instrument}</a>: {each.detail}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
