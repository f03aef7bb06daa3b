// A sweep's page: a heat map over two of its params by any figure, and its best trials.
import { draw, element, footer, header, metrics, section, sheet, table, tables, tint } from "./sheet.js";

// Two digits in each cell, and no sign before a zero.
const DIGITS = { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "negative" };
const fixed = (value) => value.toLocaleString("en", DIGITS);
const percent = (value) => `${fixed(value * 100)} %`;
const whole = (value) => value.toLocaleString("en", { maximumFractionDigits: 1 });
const span = (value) => (value < 172_800 ? `${whole(value / 3_600)} h` : `${whole(value / 86_400)} d`);
const FORMATS = { share: percent, amount: fixed, count: whole, seconds: span };

function choice(label, names, chosen) {
  const select = element("select", {}, ...names.map((textContent, value) => element(
    "option", { value, textContent, selected: value === chosen })));
  return [element("label", {}, `${label} `, select), select];
}

/** The share of a value between the figure's worst and its best, and the colour that says so. */
function shades(values, lessIsBest) {
  const known = values.flat().filter((value) => value != null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  // Of gains and losses each has its own colour; of a figure of one sign the best are the strongest.
  if (low < 0 && high > 0) {
    const most = Math.max(-low, high);
    return (value) => [value < 0 ? "loss" : "gain", Math.abs(value) / most];
  }
  return (value) => ["accent", high === low ? 0.5 : (lessIsBest ? high - value : value - low) / (high - low)];
}

function drawMap(map, figure) {
  const values = map.values[figure.name];
  const format = FORMATS[figure.kind];
  const rows = map.rows.map((name, n) => [name, ...values[n].map((value) => (value == null ? "" : format(value)))]);
  const made = table([map.down ? `${map.down} \\ ${map.across}` : map.across, ...map.columns], rows, "heat map");
  const known = values.flat().filter((value) => value != null);
  const best = figure.less_is_best ? Math.min(...known) : Math.max(...known);
  const shade = shades(values, figure.less_is_best);
  made.querySelectorAll("tbody tr").forEach((line, n) => values[n].forEach((value, column) => {
    if (value == null) return;
    const cell = line.children[column + 1];
    tint(cell, ...shade(value));
    cell.title = [map.down && `${map.down} ${map.rows[n]}`, `${map.across} ${map.columns[column]}`,
      `${map.trials[n][column]} trials`].filter(Boolean).join(", ");
    if (value === best) cell.className = "best";
  }));
  return made;
}

function heat() {
  const figures = sheet.figures;
  if (!sheet.maps.length || !figures.length) return;
  const names = sheet.maps.map((map) => (map.down ? `${map.down} and ${map.across}` : map.across));
  const [ofMap, maps] = choice("Params", names, 0);
  const [ofFigure, shown] = choice("Figure", figures.map((one) => one.label),
    Math.max(figures.findIndex((one) => one.name === sheet.figure), 0));
  const about = element("p", { className: "muted" });
  const place = element("div");
  const show = () => {
    const [map, figure] = [sheet.maps[maps.value], figures[shown.value]];
    about.textContent = `${map.about} The best cell has a frame${figure.less_is_best ? "; less is better" : ""}.`;
    place.replaceChildren(drawMap(map, figure));
  };
  maps.addEventListener("change", show);
  shown.addEventListener("change", show);
  section("Heat map", element("div", { className: "choices" }, ...(sheet.maps.length > 1 ? [ofMap] : []), ofFigure),
    about, place);
  show();
}

draw([header, () => metrics(sheet.metrics), heat, tables, footer]);
