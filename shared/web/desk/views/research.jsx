// Research: the runs that were kept, ranked, two of them side by side, each with its tear sheet.
import { h, Fragment } from "preact";
import { useContext, useRef, useState } from "preact/hooks";
import { PageContext } from "../page.js";
import { useReading } from "../readings.js";
import { SavedClient } from "../saved.js";
import { Empty, Shown } from "../states.jsx";
import { Table } from "../table.jsx";
import { moment, money, share } from "../words.js";

const SHOWN = ["total_return", "sharpe", "calmar", "drawdown", "round_trips", "fees"];
const SHARES = new Set(["total_return", "cagr", "volatility", "drawdown", "invested", "win_rate", "buy_and_hold", "gross_exposure"]);
const COUNTS = new Set(["fills", "round_trips", "average_held_s", "drawdown_longest_s", "days"]);
const KINDS = ["", "back-test", "sweep", "walk-forward", "verdict"];

export function ResearchView({ query }) {
  const [wanted, setWanted] = useState({ rank: "", kind: "", strategy: query.strategy ?? "", tag: query.tag ?? "" });
  const [chosen, setChosen] = useState([]);
  const asked = Object.entries(wanted).filter(([, value]) => value);
  const research = useReading(`/research${asked.length ? `?${new URLSearchParams(asked)}` : ""}`);
  const choose = (key) => setChosen((keys) => (keys.includes(key) ? keys.filter((one) => one !== key) : [...keys, key].slice(-2)));
  // The filter stays while runs are read, and where they cannot be.
  const figures = useRef([]);
  figures.current = research.data?.figures ?? figures.current;
  return (
    <>
      <Filter wanted={wanted} change={(change) => setWanted({ ...wanted, ...change })} figures={figures.current} />
      <Shown reading={research} height={360}>{({ place, runs, why }) => (
        <>
          <p class="muted">Runs in {place}.</p>
          {runs.length ? <Runs runs={runs} rank={wanted.rank} chosen={chosen} choose={choose} /> : <Empty title="No runs">{why || "No run is as you asked for: choose less."}</Empty>}
          <Compared runs={runs.filter((run) => chosen.includes(keyOf(run)))} />
        </>
      )}</Shown>
    </>
  );
}

const keyOf = ({ run, trial }) => `${run}/${trial}`;
const words = (name) => name.replaceAll("_", " ");

function Filter({ wanted, change, figures }) {
  return (
    <form class="filter" onSubmit={(event) => event.preventDefault()}>
      {figures.length > 0 && <Choice label="Rank by" value={wanted.rank} values={["", ...figures]} change={(rank) => change({ rank })} none="newest first" />}
      <Choice label="Kind" value={wanted.kind} values={KINDS} change={(kind) => change({ kind })} none="any" />
      <Text label="Strategy" value={wanted.strategy} change={(strategy) => change({ strategy })} />
      <Text label="Tag" value={wanted.tag} change={(tag) => change({ tag })} />
    </form>
  );
}

function Choice({ label, value, values, change, none }) {
  return (
    <label>{label}{" "}
      <select value={value} onChange={(event) => change(event.currentTarget.value)}>
        {values.map((one) => <option value={one}>{words(one) || none}</option>)}
      </select>
    </label>
  );
}

function Text({ label, value, change }) {
  return <label>{label} <input value={value} size={14} onChange={(event) => change(event.currentTarget.value.trim())} /></label>;
}

function Runs({ runs, rank, chosen, choose }) {
  const figures = [...new Set([...(rank ? [rank] : []), ...SHOWN])].filter((name) => runs.some((run) => name in run.figures));
  const { client } = useContext(PageContext);
  const head = ["Run", "Compare", "Tear sheet", "Strategy", ...figures.map(words), "Params", "Instruments", "Made", "Tags"];
  const rows = runs.map((run) => [
    run.run,
    <input type="checkbox" aria-label={`Compare ${run.run}, trial ${run.trial}`} checked={chosen.includes(keyOf(run))} onChange={() => choose(keyOf(run))} />,
    sheetOf(run, client),
    run.strategy,
    ...figures.map((name) => figureText(name, run.figures[name])),
    run.params ? paramsText(run.params) : run.trials ? `${run.trials} trials` : "–",
    run.instruments,
    moment(run.made_at),
    run.tags.join(", "),
  ]);
  return (
    <>
      <Table name="Runs" head={head} rows={rows} />
      <p class="muted">Choose two to compare them. A back-test with <code>--html</code> keeps its tear sheet.</p>
    </>
  );
}

/** A saved page holds no tear sheets, which are pages by themselves. */
function sheetOf({ run, sheet }, client) {
  if (!sheet || client instanceof SavedClient) return <span class="muted">{sheet ? "not saved" : "none"}</span>;
  return <a href={sheet} target="_blank" rel="noopener" aria-label={`open the tear sheet of ${run}`}>open</a>;
}

function Compared({ runs }) {
  if (runs.length < 2) return null;
  const plain = runs.map((run) => ({ kind: run.kind, strategy: run.strategy, params: paramsText(run.params), instruments: run.instruments, timeframe: run.timeframe,
    first: moment(run.since), last: moment(run.until), ...Object.fromEntries(Object.entries(run.figures).map(([name, value]) => [name, figureText(name, value)])) }));
  const differing = [...new Set(plain.flatMap(Object.keys))].filter((name) => plain[0][name] !== plain[1][name]);
  return (
    <section aria-label="Compared">
      <h2>Where they differ</h2>
      {differing.length
        ? <Table name="Where they differ" head={["", ...runs.map(({ run }) => run)]} rows={differing.map((name) => [words(name), ...plain.map((one) => one[name] ?? "–")])} />
        : <Empty title="They are equal">Every figure of the two is the same.</Empty>}
    </section>
  );
}

/** Params as a command takes them. */
function paramsText(params) {
  return params && Object.entries(JSON.parse(params)).map(([name, value]) => `${name}=${value}`).join(" ");
}

function figureText(name, value) {
  if (value == null) return "–";
  return SHARES.has(name) ? share(value) : COUNTS.has(name) ? String(value) : money(value);
}
