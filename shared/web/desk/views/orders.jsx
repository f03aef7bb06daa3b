// Orders, newest first, page after page as they are scrolled to; each opens with the chain of its causes.
import { h, Fragment } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { PageContext } from "../page.js";
import { useReading } from "../readings.js";
import { Empty, Notice, Shown } from "../states.jsx";
import { moment, price, quantity } from "../words.js";
import { OrderDialog } from "./order.jsx";
import { OrderState } from "./order_state.jsx";

const PAGE = 100;
const ROW_PX = 34;
const HEIGHT_PX = 560;
// Rows beyond the edges that are drawn, so that a quick scroll shows no gap.
const SPARE = 8;
const STATES = [["", "all"], ["open", "open"], ["refused", "refused by risk"], ["unknown", "UNKNOWN outcome"]];

function address(query) {
  return `#/orders?${new URLSearchParams(Object.entries(query).filter(([, value]) => value))}`;
}

function pathOf({ account, instrument, state }) {
  const asked = { account, instrument, ...(state && { [state]: "true" }), limit: PAGE };
  return `/orders?${new URLSearchParams(Object.entries(asked).filter(([, value]) => value))}`;
}

export function OrdersView({ query }) {
  const status = useReading("/status");
  const { order: opened, ...filter } = query;
  const path = pathOf(filter);
  const newest = useReading(path);
  return (
    <>
      <Filter filter={filter} accounts={status.data?.accounts ?? []} />
      <Shown reading={newest} height={HEIGHT_PX}>
        {(page) => <Pages key={path} path={path} first={page} filter={filter} />}
      </Shown>
      {opened && <OrderDialog id={opened} close={() => { location.hash = address(filter); }} />}
    </>
  );
}

function Filter({ filter, accounts }) {
  const choose = (name) => (event) => {
    location.hash = address({ ...filter, [name]: event.target.value });
  };
  const instruments = [...new Set(accounts.flatMap((account) => account.instruments))].sort();
  const select = (name, label, options) => (
    <label>{label}
      <select value={filter[name] ?? ""} onChange={choose(name)}>
        {options.map(([value, text]) => <option key={value} value={value} selected={value === (filter[name] ?? "")}>{text}</option>)}
      </select>
    </label>
  );
  return (
    <form class="filter" onSubmit={(event) => event.preventDefault()}>
      {select("account", "Account", [["", "all"], ...accounts.map(({ account }) => [account, account])])}
      {select("instrument", "Instrument", [["", "all"], ...instruments.map((name) => [name, name])])}
      {select("state", "State", STATES)}
    </form>
  );
}

/** The newest page as it is read again and again, and the older ones, each read once. */
function Pages({ path, first, filter }) {
  const { client } = useContext(PageContext);
  const [older, setOlder] = useState({ orders: [], next: first.next, began: first.orders });
  const [fault, setFault] = useState(null);
  const busy = useRef(false);
  const known = new Set(first.orders.map((order) => order.order_id));
  const seen = older.orders.length ? [...older.began, ...older.orders] : [];
  const orders = [...first.orders, ...seen.filter((order) => !known.has(order.order_id))];
  const next = older.orders.length ? older.next : first.next;
  async function more() {
    if (!next || busy.current) return;
    busy.current = true;
    try {
      const { data } = await client.read(`${path}&cursor=${encodeURIComponent(next)}`);
      const began = older.orders.length ? older.began : first.orders;
      setOlder({ orders: [...older.orders, ...data.orders], next: data.next, began });
      setFault(null);
    } catch (wrong) {
      setFault(wrong);
    }
    busy.current = false;
  }
  if (!orders.length && !next) return <Nothing filter={filter} />;
  return (
    <>
      <p class="muted" role="status">{orders.length.toLocaleString("en")} orders read{next ? ", older ones follow as you scroll" : ", all there are"}</p>
      {fault && <Notice kind="failed" title="Older orders could not be read">{fault.message} <button class="link" onClick={more}>Try again</button></Notice>}
      <Rows orders={orders} filter={filter} more={more} next={next} />
    </>
  );
}

function Nothing({ filter }) {
  if (filter.state === "unknown") return <Empty title="No order is of unknown outcome">The venue has answered for every order that was sent.</Empty>;
  if (Object.values(filter).some(Boolean)) return <Empty title="No order is like that">Choose another account, instrument or state above.</Empty>;
  return <Empty title="There are no orders yet">Risk has decided on none. <code>fanfold why-not</code> says what holds a strategy back.</Empty>;
}

function Rows({ orders, filter, more, next }) {
  const [top, setTop] = useState(0);
  const from = Math.max(0, Math.floor(top / ROW_PX) - SPARE);
  const shown = orders.slice(from, from + Math.ceil(HEIGHT_PX / ROW_PX) + 2 * SPARE);
  const below = orders.length - from - shown.length;
  useEffect(() => {
    if (next && below === 0) more();
  });
  const columns = ["Decided", "Account", "Strategy", "Instrument", "Side", "Kind", "Quantity", "Price", "Filled", "State", "Why"];
  return (
    <div class="scroll rows" tabIndex={0} role="region" aria-label="Orders" style={{ height: `${HEIGHT_PX}px` }} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
      <table aria-rowcount={next ? -1 : orders.length + 1}>
        <thead><tr>{columns.map((name, n) => <th scope="col" class={n > 5 && n < 9 ? "" : "text"}>{name}</th>)}</tr></thead>
        <tbody>
          <tr class="space" aria-hidden="true"><td colSpan={columns.length} style={{ height: `${from * ROW_PX}px` }} /></tr>
          {shown.map((order, n) => <Row key={order.order_id} order={order} index={from + n + 2} filter={filter} />)}
          <tr class="space" aria-hidden="true"><td colSpan={columns.length} style={{ height: `${below * ROW_PX}px` }} /></tr>
        </tbody>
      </table>
    </div>
  );
}

function Row({ order, index, filter }) {
  return (
    <tr aria-rowindex={index} style={{ height: `${ROW_PX}px` }}>
      <td><a href={address({ ...filter, order: order.order_id })}>{moment(order.decided_at)}</a></td>
      <td class="text">{order.account}</td>
      <td class="text">{order.instance}</td>
      <td class="text">{order.instrument}</td>
      <td class={`text ${order.side}`}>{order.side}</td>
      <td class="text">{order.kind}</td>
      <td>{quantity(order.quantity)}</td>
      <td>{price(order.stop_price ?? order.limit_price ?? order.reference_price)}</td>
      <td>{quantity(order.filled)}</td>
      <td class="text"><OrderState order={order} /></td>
      <td class="text why">{[order.code, order.detail, order.doubt, order.reason].filter(Boolean).join(", ")}</td>
    </tr>
  );
}
