// What the sheets of back-tests, sweeps and walks have in common: their document, and the parts that it is laid out in.

export const sheet = JSON.parse(document.getElementById("sheet").textContent);
export const main = document.querySelector("main");

export const amount = (value) => value.toLocaleString("en", { maximumFractionDigits: 2 });
export const percent = (value) => `${(value * 100).toLocaleString("en", { maximumFractionDigits: 2 })} %`;

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function section(title, ...children) {
  main.append(element("section", {}, element("h2", { textContent: title }), ...children));
}

export function figure(caption) {
  const chart = element("div", { className: "chart" });
  return [element("figure", {}, element("figcaption", { textContent: caption }), chart), chart];
}

export function table(head, rows, className = "") {
  const cells = (kind, values) => element("tr", {}, ...values.map((value) => element(kind, { textContent: value })));
  return element("div", { className: "scroll", tabIndex: 0 }, element("table", { className },
    element("thead", {}, cells("th", head)), element("tbody", {}, ...rows.map((row) => cells("td", row)))));
}

/** Tint a cell by a share of 1, up to a quarter: its figure stays readable in both schemes. */
export function tint(cell, name, share) {
  // The colour is mixed by the style sheet, so that it follows the scheme.
  cell.style.background = `color-mix(in srgb, var(--${name}) ${(4 + share * 21).toFixed(1)}%, transparent)`;
}

export function header() {
  main.append(element("h1", { textContent: sheet.title }));
  for (const line of sheet.facts) main.append(element("p", { className: "muted", textContent: line }));
}

export function metrics(groups) {
  for (const group of groups) {
    section(group.name, element("dl", { className: "metrics" }, ...group.metrics.map((metric) => element(
      "div", { title: metric.about }, element("dt", { textContent: metric.name }), element("dd", { textContent: metric.text })))));
  }
}

export function tables() {
  for (const one of sheet.tables) section(one.name, table(one.columns, one.rows));
}

export function footer() {
  main.append(element("footer", { className: "muted" }, ...sheet.provenance.map((line) => element("p", { textContent: line }))));
}

/** Lay out a page by its parts, in their order. */
export function draw(parts) {
  document.title = sheet.title;
  for (const part of parts) part();
}
