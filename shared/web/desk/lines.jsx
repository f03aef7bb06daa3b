// Lines over time, with a legend that says in words what they come to.
import { h } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { addLine, mount } from "./chart.js";

export const points = (at, values) => at.map((time, n) => ({ time, value: Number(values[n]) }));

/** `lines` are [{name, colour, at, values, area}]; `label` says in words what the chart shows. */
export function Lines({ label, lines, format, height = 220 }) {
  const element = useRef(null);
  const drawn = useRef({ series: [], lines });
  drawn.current.lines = lines;
  const fill = () => drawn.current.series.forEach((series, n) => series.setData(points(drawn.current.lines[n].at, drawn.current.lines[n].values)));
  const names = lines.map(({ name }) => name).join("\n");
  useEffect(() => mount(element.current, format, (chart) => {
    drawn.current.series = drawn.current.lines.map((line) => addLine(chart, line));
    fill();
    chart.timeScale().fitContent();
  }), [names]);
  useEffect(fill, [lines]);
  return <div class="chart" ref={element} role="img" aria-label={label} tabIndex={0} style={{ height: `${height}px` }} />;
}
