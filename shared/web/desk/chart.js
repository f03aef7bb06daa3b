// Charts by lightweight-charts: lines over time, and candles. Times are epoch seconds in UTC, colours those of the style
// sheet in the scheme that is in force.
import { AreaSeries, CandlestickSeries, ColorType, LineSeries, createChart, createSeriesMarkers } from "lightweight-charts";

const ZOOM = 0.8;
const STEP = 0.1;

/** The value of a colour that the style sheet names. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function options(format, wheel) {
  const line = { color: colour("line") };
  return {
    autoSize: true,
    layout: {
      background: { type: ColorType.Solid, color: colour("surface") },
      textColor: colour("muted"),
      fontFamily: "system-ui, sans-serif",
      // The page's footer names and links TradingView, as the licence asks.
      attributionLogo: false,
    },
    grid: { vertLines: line, horzLines: line },
    rightPriceScale: { borderColor: colour("line") },
    timeScale: { borderColor: colour("line"), timeVisible: true, secondsVisible: false },
    localization: { locale: "en", priceFormatter: format },
    // A wheel over a small chart scrolls the page.
    handleScroll: { mouseWheel: wheel, vertTouchDrag: false },
    handleScale: { mouseWheel: wheel },
  };
}

/** Move by the arrow keys, zoom by plus and minus, show all by the home key. */
function byKeyboard(chart, element) {
  const move = (change) => {
    const range = chart.timeScale().getVisibleLogicalRange();
    if (range) chart.timeScale().setVisibleLogicalRange(change(range, range.to - range.from));
  };
  const keys = {
    ArrowLeft: () => move(({ from, to }, width) => ({ from: from - width * STEP, to: to - width * STEP })),
    ArrowRight: () => move(({ from, to }, width) => ({ from: from + width * STEP, to: to + width * STEP })),
    "+": () => move(({ from, to }, width) => ({ from: to - width * ZOOM, to })),
    "-": () => move(({ from, to }, width) => ({ from: to - width / ZOOM, to })),
    Home: () => chart.timeScale().fitContent(),
  };
  element.addEventListener("keydown", (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}

/** Keep a chart in `element` until the returned function is called; drawn anew where the colour scheme changes. */
export function mount(element, format, draw, wheel = false) {
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  let chart;
  const build = () => {
    chart?.remove();
    chart = createChart(element, options(format, wheel));
    draw(chart);
  };
  build();
  byKeyboard({ timeScale: () => chart.timeScale() }, element);
  scheme.addEventListener("change", build);
  return () => {
    scheme.removeEventListener("change", build);
    chart.remove();
  };
}

/** Add a line of `values` at `at`, in the colour that the style sheet names so; an area reaches down to its axis. */
export function addLine(chart, { colour: name, area = false, base }) {
  const own = colour(name);
  const shared = { lineWidth: 2, priceLineVisible: false, lastValueVisible: !area, crosshairMarkerRadius: 3 };
  return area
    ? chart.addSeries(AreaSeries, { ...shared, lineColor: own, topColor: `${own}33`, bottomColor: `${own}05`, invertFilledArea: base })
    : chart.addSeries(LineSeries, { ...shared, color: own });
}

export function addCandles(chart) {
  const [gain, loss] = [colour("gain"), colour("loss")];
  return chart.addSeries(CandlestickSeries, { upColor: gain, wickUpColor: gain, downColor: loss, wickDownColor: loss, borderVisible: false });
}

export const addMarkers = (series) => createSeriesMarkers(series, []);
