// The curve of a result over time, with its drawdown below it: of the equity of an account, or of tests joined.
import { lines } from "./charts.js";
import { figure, percent, section } from "./sheet.js";

/** Draw series of a curve, and the drawdown of the first; `captions` are of both charts, which share the pointer. */
export function curve(title, captions, { at, drawdown }, series, { format, describe }) {
  const [first, above] = figure(captions[0]);
  const [second, below] = figure(captions[1]);
  section(title, first, second);
  lines(above, at, series, { format, group: "equity", describe });
  lines(below, at, [{ label: "drawdown", values: drawdown, colour: "loss", fill: true }], {
    format: percent, group: "equity", describe: `Drawdown, at its deepest ${percent(Math.min(...drawdown))}`,
  });
}
