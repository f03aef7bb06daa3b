/*! The charts are drawn by uPlot, under its licence:

The MIT License (MIT)

Copyright (c) 2022 Leon Sorokin

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in
all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE.
*/
// The charts of Fanfold's pages, drawn by uPlot: lines, columns, and candles with what was traded on them. Times are
// epoch seconds and are shown in UTC.
import uPlot from "uplot";

const HEIGHT = 260;
// Labels of the time axis, day before month and hours from 0 to 23: for ticks so many seconds apart or more the text, and
// what stands below it where the year changes and where the day does. uPlot names the columns and wants the nulls.
const DAY = "{D} {MMM}";
const TICKS = [
  [31_536_000, "{YYYY}", null, null, null, null, null, null, 1],
  [2_419_200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86_400, DAY, "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", `\n${DAY} {YYYY}`, null, `\n${DAY}`, null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", `\n${DAY} {YYYY}`, null, `\n${DAY}`, null, null, null, 1],
];
const utc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");

/** The value of a colour that the style sheet names, in the scheme that is in force. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Seconds as 2026-03-01 00:05 UTC, or "" where there are none. */
export function moment(seconds) {
  return seconds == null ? "" : `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function axes(format) {
  const shared = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  return [
    { ...shared, font: "12px system-ui", values: TICKS },
    { ...shared, font: "12px system-ui", size: 64, values: (_plot, ticks) => ticks.map(format) },
  ];
}

function timeSeries() {
  return { label: "Time", value: (_plot, at) => moment(at) };
}

/** Zoom around the pointer by the wheel with ctrl or shift held, so that the page still scrolls; drag to choose a span. Double click shows all. */
function zoomByWheel() {
  return {
    hooks: {
      ready: (plot) => {
        const whole = [plot.data[0][0], plot.data[0][plot.data[0].length - 1]];
        plot.over.addEventListener("wheel", (event) => {
          if (!event.ctrlKey && !event.shiftKey) return;
          event.preventDefault();
          const { min, max } = plot.scales.x;
          const at = plot.posToVal(event.offsetX, "x");
          const factor = event.deltaY < 0 ? 0.8 : 1.25;
          plot.setScale("x", {
            min: Math.max(whole[0], at - (at - min) * factor),
            max: Math.min(whole[1], at + (max - at) * factor),
          });
        }, { passive: false });
      },
    },
  };
}

function draw(into, options, data, describe) {
  const build = () => {
    const made = options();
    into.replaceChildren();
    return new uPlot({ width: Math.max(into.clientWidth, 280), height: HEIGHT, tzDate: utc, ...made }, data, into);
  };
  into.setAttribute("role", "img");
  into.setAttribute("aria-label", describe);
  let plot = build();
  new ResizeObserver(() => {
    const width = Math.max(into.clientWidth, 280);
    if (width !== plot.width) plot.setSize({ width, height: HEIGHT });
  }).observe(into);
  // Colours lie in the canvas: another scheme needs another drawing.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    plot.destroy();
    plot = build();
  });
}

/**
 * Draw lines over time. `lines` are [{label, values, colour, fill}], where a missing value is null; charts that share
 * a `group` share the pointer.
 */
export function lines(into, at, series, { format, group, describe, logarithmic = false }) {
  const options = () => ({
    axes: axes(format),
    cursor: { sync: { key: group }, drag: { x: true, y: false } },
    scales: { x: { time: true }, y: logarithmic ? { distr: 3 } : {} },
    plugins: [zoomByWheel()],
    series: [
      timeSeries(),
      ...series.map((line) => ({
        label: line.label,
        stroke: colour(line.colour),
        fill: line.fill ? `${colour(line.colour)}33` : undefined,
        width: 1.5,
        points: { show: false },
        value: (_plot, value) => (value == null ? "" : format(value)),
      })),
    ],
  });
  draw(into, options, [at, ...series.map((line) => line.values)], describe);
}

/** Draw a column a time, such as the turnover of each month. */
export function columns(into, at, values, { label, format, describe }) {
  const options = () => ({
    axes: axes(format),
    scales: { x: { time: true }, y: { range: (_plot, low, high) => [Math.min(0, low), high || 1] } },
    series: [
      timeSeries(),
      {
        label,
        stroke: colour("accent"),
        fill: `${colour("accent")}99`,
        paths: uPlot.paths.bars({ size: [0.7, 60] }),
        points: { show: false },
        value: (_plot, value) => (value == null ? "" : format(value)),
      },
    ],
  });
  draw(into, options, [at, values], describe);
}

/**
 * Draw candles. `bars` has columns at, open, high, low, close; `trades` are [{at, side, price, quantity}], drawn as
 * triangles: up below a purchase, down above a sale.
 */
export function candles(into, bars, trades, { format, describe }) {
  const hidden = { paths: () => null, points: { show: false } };
  const value = (_plot, shown) => (shown == null ? "" : format(shown));
  const options = () => ({
    axes: axes(format),
    cursor: { drag: { x: true, y: false } },
    plugins: [zoomByWheel()],
    scales: { x: { time: true }, y: { range: (plot) => priceRange(plot, bars) } },
    series: [
      timeSeries(),
      ...["open", "high", "low", "close"].map((label) => ({ label, value, stroke: colour("muted"), ...hidden })),
    ],
    hooks: { draw: [(plot) => drawCandles(plot, bars), (plot) => drawTrades(plot, trades)] },
  });
  draw(into, options, [bars.at, bars.open, bars.high, bars.low, bars.close], describe);
}

function priceRange(plot, bars) {
  const [first, last] = plot.series[0].idxs || [0, bars.at.length - 1];
  let low = Infinity;
  let high = -Infinity;
  for (let n = first; n <= last; n++) {
    low = Math.min(low, bars.low[n]);
    high = Math.max(high, bars.high[n]);
  }
  const margin = (high - low) * 0.08 || Math.abs(high) * 0.01 || 1;
  return [low - margin, high + margin];
}

function drawCandles(plot, bars) {
  const { ctx } = plot;
  const [first, last] = plot.series[0].idxs;
  const width = Math.max(1, (plot.bbox.width / Math.max(1, last - first + 1)) * 0.7);
  const [gain, loss] = [colour("gain"), colour("loss")];
  ctx.save();
  for (let n = first; n <= last; n++) {
    const x = plot.valToPos(bars.at[n], "x", true);
    ctx.strokeStyle = ctx.fillStyle = bars.close[n] >= bars.open[n] ? gain : loss;
    ctx.beginPath();
    ctx.moveTo(x, plot.valToPos(bars.high[n], "y", true));
    ctx.lineTo(x, plot.valToPos(bars.low[n], "y", true));
    ctx.stroke();
    const top = plot.valToPos(Math.max(bars.open[n], bars.close[n]), "y", true);
    const bottom = plot.valToPos(Math.min(bars.open[n], bars.close[n]), "y", true);
    ctx.fillRect(x - width / 2, top, width, Math.max(1, bottom - top));
  }
  ctx.restore();
}

function drawTrades(plot, trades) {
  const { ctx } = plot;
  const { min, max } = plot.scales.x;
  const size = 6 * devicePixelRatio;
  const [purchase, sale] = [colour("buy"), colour("sell")];
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.strokeStyle = colour("surface");
  for (const trade of trades) {
    if (trade.at < min || trade.at > max) continue;
    const buys = trade.side === "buy";
    const x = plot.valToPos(trade.at, "x", true);
    const y = plot.valToPos(trade.price, "y", true);
    const away = buys ? size : -size;
    ctx.fillStyle = buys ? purchase : sale;
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x - size * 0.8, y + away * 1.6);
    ctx.lineTo(x + size * 0.8, y + away * 1.6);
    ctx.closePath();
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}
