// A back-test's tear sheet. The page holds its document as JSON and asks nobody for anything: it opens offline.
import { candles, columns, lines, moment } from "./charts.js";
import { curve } from "./curve.js";
import {
  amount, draw, element, figure, footer, header, main, metrics, percent, section, sheet, table, tables, tint,
} from "./sheet.js";

const price = (value) => value.toLocaleString("en", { maximumSignificantDigits: 7 });

function verdict() {
  const { passed, summary, findings } = sheet.verdict;
  const state = passed == null ? "" : passed ? "passed" : "failed";
  main.append(element("section", { className: `verdict ${state}` },
    element("strong", { textContent: summary }),
    element("ul", { hidden: !findings.length }, ...findings.map((line) => element("li", { textContent: line })))));
}

function equity() {
  const { equity: values, hold } = sheet.equity;
  const held = hold.length ? [{ label: "buy and hold", values: hold, colour: "muted" }] : [];
  const last = values[values.length - 1];
  curve("Equity and drawdown", [
    `Equity at each close, in ${sheet.currency}`, "Drawdown: how far equity is below its highest close",
  ], sheet.equity, [{ label: "equity", values, colour: "accent" }, ...held], {
    format: amount, describe: `Equity from ${amount(values[0])} to ${amount(last)} ${sheet.currency}`,
  });
}

function months() {
  if (!sheet.months.length) return;
  const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const made = table(["Year", ...names, "All"], sheet.months.map((row) => [
    row.year, ...row.returns.map((value) => (value == null ? "" : percent(value))), percent(row.whole)]), "heat");
  const strongest = Math.max(...sheet.months.flatMap((row) => row.returns.map((value) => Math.abs(value ?? 0))), 1e-9);
  made.querySelectorAll("tbody tr").forEach((line, n) => sheet.months[n].returns.forEach((value, month) => {
    if (value != null) tint(line.children[month + 1], value < 0 ? "loss" : "gain", Math.abs(value) / strongest);
  }));
  section("Returns by month", made);
}

function rolling() {
  const { at, values, days } = sheet.sharpe;
  if (!at.length) return;
  const [shown, chart] = figure(`Sharpe ratio a year, of the ${days} days before`);
  section("Rolling Sharpe ratio", shown);
  lines(chart, at, [{ label: "Sharpe", values, colour: "accent" }], {
    format: amount, group: "sharpe", describe: `Rolling Sharpe ratio from ${moment(at[0])} on`,
  });
}

function market() {
  if (!sheet.candles.length) return;
  const choice = element("select", { ariaLabel: "Instrument" }, ...sheet.candles.map((one, n) => element(
    "option", { value: n, textContent: one.instrument })));
  const [shown, chart] = figure("");
  const caption = shown.querySelector("figcaption");
  const show = () => {
    const one = sheet.candles[choice.value];
    const left = one.fills - one.trades.length;
    caption.textContent = `Candles of ${one.span}; triangles are fills` + (left ? `, ${left} more are not drawn` : "")
      + ". Drag to choose a span, double click to see all.";
    const fresh = chart.cloneNode(false);
    shown.replaceChild(fresh, shown.querySelector(".chart"));
    candles(fresh, one, one.trades, {
      format: price, describe: `Prices of ${one.instrument} with ${one.trades.length} fills`,
    });
  };
  choice.addEventListener("change", show);
  section("Trades", ...(sheet.candles.length > 1 ? [choice] : []), shown);
  show();
}

function exposure() {
  const [first, left] = figure("Exposure: positions at their closes, as a share of equity");
  const [second, right] = figure(`Turnover of each ${sheet.turnover.span}: what was traded, as a share of equity`);
  section("Exposure and turnover", element("div", { className: "pair" }, first, second));
  lines(left, sheet.exposure.at, [{ label: "exposure", values: sheet.exposure.values, colour: "accent", fill: true }], {
    format: percent, group: "exposure", describe: "Exposure over time",
  });
  columns(right, sheet.turnover.at, sheet.turnover.values, {
    label: "turnover", format: percent, describe: "Turnover over time",
  });
}

draw([header, verdict, () => metrics(sheet.metrics), equity, months, rolling, market, exposure, tables, footer]);
