// A walk forward's page: its tests joined, each beside its training, and how often params were chosen.
import { lines } from "./charts.js";
import { draw, figure, footer, header, metrics, percent, section, sheet, table, tables, tint } from "./sheet.js";

const level = (value) => value.toLocaleString("en", { maximumFractionDigits: 4 });

function equity() {
  const { at, level: levels, drawdown } = sheet.equity;
  const [first, above] = figure("What 1 grew to in the tests, one after the other: out of sample");
  const [second, below] = figure("Drawdown: how far that is below its highest close");
  section("Tests joined", first, second);
  lines(above, at, [{ label: "level", values: levels, colour: "accent" }], {
    format: level, group: "equity", describe: `The tests joined, from 1 to ${level(levels[levels.length - 1])}`,
  });
  lines(below, at, [{ label: "drawdown", values: drawdown, colour: "loss", fill: true }], {
    format: percent, group: "equity", describe: `Drawdown, at its deepest ${percent(Math.min(...drawdown))}`,
  });
}

function tests() {
  const { columns, rows, returns } = sheet.tests;
  const made = table(columns, rows, "heat");
  const most = Math.max(...returns.flat().map(Math.abs), 1e-9);
  // The returns of training and test are the last columns before the efficiency.
  made.querySelectorAll("tbody tr").forEach((line, n) => returns[n].forEach((value, place) => {
    tint(line.children[columns.length - 3 + place], value < 0 ? "loss" : "gain", Math.abs(value) / most);
  }));
  section("Each test beside its training", made);
}

draw([header, () => metrics(sheet.metrics), equity, tests, tables, footer]);
