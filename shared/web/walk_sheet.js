// A walk forward's page: its tests joined, each beside its training, and how often params were chosen.
import { curve } from "./curve.js";
import { draw, footer, header, metrics, section, sheet, table, tables, tint } from "./sheet.js";

const level = (value) => value.toLocaleString("en", { maximumFractionDigits: 4 });

function equity() {
  const values = sheet.equity.level;
  curve("Tests joined", [
    "What 1 grew to in the tests, one after the other: out of sample",
    "Drawdown: how far that is below its highest close",
  ], sheet.equity, [{ label: "level", values, colour: "accent" }], {
    format: level, describe: `The tests joined, from 1 to ${level(values[values.length - 1])}`,
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
