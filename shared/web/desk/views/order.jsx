// One order: what it is, what became of it, and why, drawn from the bar to the fill.
import { h, Fragment } from "preact";
import { Dialog } from "../dialog.jsx";
import { useReading } from "../readings.js";
import { Shown } from "../states.jsx";
import { moment, money, price, quantity, share } from "../words.js";
import { OrderState } from "./order_state.jsx";

export function OrderDialog({ id, close }) {
  const reading = useReading(`/orders/${encodeURIComponent(id)}`);
  return (
    <Dialog title="Why this order" wide close={close}>
      <Shown reading={reading} height={320}>{(explained) => <Explained {...explained} />}</Shown>
      <div class="buttons"><button type="button" onClick={close}>Close</button></div>
    </Dialog>
  );
}

function Explained({ order, fills, chain }) {
  const facts = [
    ["Order", <code>{order.order_id}</code>],
    ["Account, strategy", `${order.account}, ${order.instance}`],
    ["Terms", `${order.side} ${quantity(order.quantity)} ${order.instrument}, ${order.kind}${terms(order)}, ${order.time_in_force}`],
    ["State", <><OrderState order={order} /> {order.doubt || order.reason}</>],
    ["Filled", `${quantity(order.filled)} of ${quantity(order.quantity)}`],
  ];
  return (
    <>
      <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      <ol class="chain" aria-label="Causes, from the bar to the fill">
        {[...chain].reverse().map((step) => <Step key={step.message_id} {...described(step, order)} place={`${step.stream} ${step.seq}`} at={step.at} />)}
        {fills.map((fill) => (
          <Step key={fill.trade_id} title="Fill" kind="good" at={fill.at} text={`${fill.side} ${quantity(fill.quantity)} at ${price(fill.price)}, fee ${money(fill.fee)}, ${fill.liquidity}`} place={`trade ${fill.trade_id}`} />
        ))}
        {!fills.length && <Step title={order.state} kind={order.state === "REFUSED" ? "bad" : ""} at={order.changed_at} text="No fill" place="" />}
      </ol>
    </>
  );
}

function terms(order) {
  if (order.stop_price != null) return ` at ${price(order.stop_price)}`;
  return order.limit_price != null ? ` within ${price(order.limit_price)}` : "";
}

function Step({ title, text, kind = "", at, place }) {
  return (
    <li class={kind}>
      <strong>{title}</strong>
      <span>{text}</span>
      <small>{[moment(at), place].filter(Boolean).join(" · ")}</small>
    </li>
  );
}

function described(step, order) {
  const { kind, bar, weight, code, detail } = step;
  if (kind === "BarsClosed") {
    return { title: bar ? `Bar of ${bar.timeframe} closed` : "Bars closed", text: bar ? `open ${price(bar.open)}, high ${price(bar.high)}, low ${price(bar.low)}, close ${price(bar.close)}` : `none of ${order.instrument}` };
  }
  if (kind === "Targets") {
    return { title: `${order.instance} wants`, text: weight == null ? "no signal: the account is flattened" : `a weight of ${share(weight)} in ${order.instrument}` };
  }
  if (kind === "OrdersRefused") return { title: `Risk refuses: ${code}`, text: detail, kind: "bad" };
  if (kind === "OrdersApproved") return { title: "Risk approves", text: `at ${price(step.reference_price)}, ${money(step.reserved)} reserved`, kind: "good" };
  return { title: kind, text: "" };
}
