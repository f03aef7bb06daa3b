// An instrument: its candles, and on them what the desk ordered, what filled, which stops stand and what risk refused.
import { h, Fragment } from "preact";
import { useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { addCandles, addMarkers, colour, mount } from "../chart.js";
import { PageContext } from "../page.js";
import { useReading } from "../readings.js";
import { Empty, Notice, Shown, StaleNotice } from "../states.jsx";
import { moment, price, quantity } from "../words.js";
import { isOpen, OrderState } from "./order_state.jsx";

const BARS = 500;
const OLDER = 2000;
// A drag this near to the oldest bar asks for older ones.
const NEAR_BARS = 100;
const HEIGHT_PX = 460;

export function InstrumentView({ query }) {
  const status = useReading("/status");
  return (
    <Shown reading={status} height={HEIGHT_PX + 100}>
      {({ accounts }) => <Chosen accounts={accounts} query={query} clock={status.clock} />}
    </Shown>
  );
}

function Chosen({ accounts, query, clock }) {
  const account = accounts.find((known) => known.account === query.account) ?? accounts[0];
  if (!account?.instruments.length) return <Empty title="The desk has no instrument">Name some under <code>symbols</code> of a venue in desk.toml.</Empty>;
  const instrument = account.instruments.includes(query.instrument) ? query.instrument : account.instruments[0];
  const timeframe = account.timeframes.includes(query.timeframe) ? query.timeframe : account.timeframes[0];
  const choice = { account: account.account, instrument, timeframe };
  const select = (name, label, values) => (
    <label>{label}
      <select onChange={(event) => { location.hash = `#/instrument?${new URLSearchParams({ ...choice, [name]: event.target.value })}`; }}>
        {values.map((value) => <option key={value} value={value} selected={value === choice[name]}>{value}</option>)}
      </select>
    </label>
  );
  return (
    <>
      <form class="filter" onSubmit={(event) => event.preventDefault()}>
        {select("account", "Account", accounts.map((known) => known.account))}
        {select("instrument", "Instrument", account.instruments)}
        {select("timeframe", "Bars", account.timeframes)}
      </form>
      <StaleNotice account={account} clock={clock} />
      <Market key={`${account.venue} ${instrument} ${timeframe}`} account={account} choice={choice} />
    </>
  );
}

function Market({ account, choice }) {
  const asked = new URLSearchParams({ instrument: choice.instrument, venue: account.venue, timeframe: choice.timeframe });
  const bars = useReading(`/bars?${asked}&limit=${BARS}`);
  const orders = useReading(`/orders?${new URLSearchParams({ account: choice.account, instrument: choice.instrument })}&limit=100`);
  const day = (account.matched_through ?? "").slice(0, 10);
  const trades = useReading(day && `/trades?account=${encodeURIComponent(choice.account)}&day=${day}&limit=100`);
  return (
    <Shown reading={bars} height={HEIGHT_PX}>
      {(newest) => newest.at.length
        ? <Chart newest={newest} path={`/bars?${asked}`} orders={orders.data?.orders ?? []} fills={(trades.data?.trades ?? []).filter((fill) => fill.instrument === choice.instrument)} choice={choice} />
        : <Empty title={`No bar of ${choice.instrument} is known`}>None of {choice.timeframe} closed in the span that was read. See “Bars missing” in docs/runbook.md, or choose another timeframe.</Empty>}
    </Shown>
  );
}

function Chart({ newest, path, orders, fills, choice }) {
  const { client } = useContext(PageContext);
  const element = useRef(null);
  const drawn = useRef({});
  const [older, setOlder] = useState({ bars: [], until: newest.since, ended: false });
  const [fault, setFault] = useState(null);
  const bars = useMemo(() => [...older.bars, ...candlesOf(newest).filter(({ time }) => !older.bars.length || time > older.bars[older.bars.length - 1].time)], [older, newest]);
  const marks = useMemo(() => marksOf(orders, fills, bars), [orders, fills, bars]);
  const lines = useMemo(() => linesOf(orders), [orders]);
  const more = useRef(null);
  more.current = async () => {
    if (older.ended || drawn.current.busy) return;
    drawn.current.busy = true;
    try {
      const { data } = await client.read(`${path}&limit=${OLDER}&until=${older.until}`);
      setOlder({ bars: [...candlesOf(data), ...(older.bars.length ? older.bars : candlesOf(newest))], until: data.since, ended: !data.at.length });
      setFault(null);
    } catch (wrong) {
      setFault(wrong);
    }
    drawn.current.busy = false;
  };
  useEffect(() => mount(element.current, price, (chart) => {
    const series = addCandles(chart);
    drawn.current = { ...drawn.current, series, markers: addMarkers(series), priceLines: [] };
    draw(drawn.current, drawn.current.bars ?? bars, drawn.current.marks ?? marks, drawn.current.lines ?? lines);
    chart.timeScale().subscribeVisibleLogicalRangeChange((range) => range && range.from < NEAR_BARS && more.current());
  }, true), []);
  useEffect(() => {
    Object.assign(drawn.current, { bars, marks, lines });
    draw(drawn.current, bars, marks, lines);
  }, [bars, marks, lines]);
  const last = bars[bars.length - 1];
  return (
    <>
      <figure>
        <figcaption>
          {choice.instrument}, {choice.timeframe}, last close {price(last.close)} at {moment(last.time)}; {bars.length.toLocaleString("en")} bars. Drag for older ones; arrow keys move, + and − zoom.
        </figcaption>
        <div class="chart" ref={element} role="img" tabIndex={0} style={{ height: `${HEIGHT_PX}px` }} aria-label={`Candles of ${choice.instrument} with ${fills.length} fills and ${orders.length} orders; the table below has them`} />
        <Legend />
      </figure>
      {fault && <Notice kind="failed" title="Older bars could not be read">{fault.message} <button class="link" onClick={() => more.current()}>Try again</button></Notice>}
      <Orders orders={orders} choice={choice} />
    </>
  );
}

function draw({ series, markers, priceLines }, bars, marks, lines) {
  series.setData(bars);
  markers.setMarkers(marks);
  for (const line of priceLines.splice(0)) series.removePriceLine(line);
  priceLines.push(...lines.map((line) => series.createPriceLine({ ...line, color: colour(line.colour), lineWidth: 1, axisLabelVisible: true })));
}

function candlesOf({ at, open, high, low, close }) {
  return at.map((time, n) => ({ time, open: +open[n], high: +high[n], low: +low[n], close: +close[n] }));
}

/** Markers in order of time: a fill as an arrow, a refusal as a red circle, an order as a square. */
function marksOf(orders, fills, bars) {
  if (!bars.length) return [];
  const times = bars.map(({ time }) => time);
  const at = (moment) => times[firstFrom(times, Date.parse(moment) / 1000)];
  const marks = [
    ...fills.map((fill) => {
      const buys = fill.side === "buy";
      return { time: at(fill.at), position: buys ? "belowBar" : "aboveBar", shape: buys ? "arrowUp" : "arrowDown", color: colour(fill.side), size: 1.2, id: fill.trade_id };
    }),
    ...orders.map((order) => {
      const refused = order.state === "REFUSED";
      const buys = order.side === "buy";
      return { time: at(order.decided_at), position: buys ? "belowBar" : "aboveBar", shape: refused ? "circle" : "square", color: colour(refused ? "loss" : "muted"), size: refused ? 1.2 : 0.5, text: refused ? order.code : "", id: order.order_id };
    }),
  ];
  return marks.filter(({ time }) => time !== undefined).sort((one, other) => one.time - other.time);
}

/** The first of the sorted times that is not before a time; nothing marks a bar that is not shown. */
function firstFrom(times, time) {
  if (time < times[0]) return -1;
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Lines at the prices of what still rests: stops, profits and limits. */
function linesOf(orders) {
  return orders.filter((order) => isOpen(order) && order.time_in_force !== "ioc").flatMap((order) => [
    order.stop_price != null && { price: +order.stop_price, colour: "loss", lineStyle: 2, title: "stop" },
    order.profit_price != null && { price: +order.profit_price, colour: "gain", lineStyle: 2, title: "profit" },
    order.stop_price == null && order.limit_price != null && { price: +order.limit_price, colour: order.side, lineStyle: 1, title: order.side },
  ].filter(Boolean));
}

function Legend() {
  return (
    <p class="muted legend">
      <span class="buy">▲ bought</span> <span class="sell">▼ sold</span> <span class="loss">● refused</span> <span>■ ordered</span> <span class="loss">┄ stop</span>
    </p>
  );
}

function Orders({ orders, choice }) {
  if (!orders.length) return <Empty title={`No order of ${choice.instrument} yet`}>Risk has decided on none. <code>fanfold why-not</code> says what holds a strategy back.</Empty>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`Newest orders of ${choice.instrument}`}>
      <table>
        <caption>The newest orders; <a href={`#/orders?${new URLSearchParams({ account: choice.account, instrument: choice.instrument })}`}>all of them</a></caption>
        <thead><tr>{["Decided", "Strategy", "Side", "Quantity", "State"].map((name, n) => <th scope="col" class={n === 3 ? "" : "text"}>{name}</th>)}</tr></thead>
        <tbody>
          {orders.slice(0, 12).map((order) => (
            <tr key={order.order_id}>
              <td><a href={`#/orders?order=${order.order_id}`}>{moment(order.decided_at)}</a></td>
              <td class="text">{order.instance}</td>
              <td class={`text ${order.side}`}>{order.side}</td>
              <td>{quantity(order.quantity)}</td>
              <td class="text"><OrderState order={order} /> {order.code}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
