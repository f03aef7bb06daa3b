// Amounts, shares and times as people read them. Amounts arrive as decimal text and are rounded for the eye alone.

const figures = new Map();

function formatted(value, digits) {
  if (!figures.has(digits)) {
    figures.set(digits, new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  }
  return figures.get(digits).format(value);
}

export const money = (text) => (text == null ? "–" : formatted(Number(text), 2));
export const signed = (text) => (text == null ? "–" : `${Number(text) > 0 ? "+" : ""}${money(text)}`);
export const share = (value) => (value == null ? "–" : `${formatted(Number(value) * 100, 2)} %`);
export const quantity = (text) => (text == null ? "–" : Number(text).toLocaleString("en", { maximumFractionDigits: 8 }));
export const price = (text) => (text == null ? "–" : Number(text).toLocaleString("en", { maximumSignificantDigits: 8 }));

/** ISO text or epoch seconds as 2026-03-01 00:05:00 UTC. */
export function moment(at) {
  if (at == null) return "–";
  const date = typeof at === "number" ? new Date(at * 1000) : new Date(at);
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A span as its largest unit: 45 s, 12 min, 3 h, 2 d. */
export function span(seconds) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"]];
  const [length, name] = units.find(([size]) => seconds >= 2 * size) ?? [1, "s"];
  return `${Math.max(0, Math.floor(seconds / length))} ${name}`;
}

export const direction = (value) => (Number(value) > 0 ? "gain" : Number(value) < 0 ? "loss" : "");
