// A page that was saved with its data inside: it answers every read from that, and asks nobody.
import { Fault } from "./client.js";
import { isOpen, isUnknown } from "./views/order_state.jsx";

const NOT_SAVED = "This was not saved with the page. Open the live page with `fanfold serve` to read it.";
const STATES = {
  open: isOpen,
  refused: ({ state }) => state === "REFUSED",
  unknown: isUnknown,
};

/** Return what was saved in the document, null where it is a live page. */
export function savedPage() {
  const element = document.getElementById("saved");
  return element && JSON.parse(element.textContent);
}

export class SavedClient {
  constructor({ config, clock, responses }) {
    Object.assign(this, { config, clock: Date.parse(clock) });
    this.responses = new Map(Object.entries(responses).map(([path, data]) => [keyOf(path), data]));
  }

  /** As Client reads. Throws Fault for what was not saved. */
  async read(path) {
    const data = this.responses.get(keyOf(path)) ?? this.derived(path);
    if (data === undefined) throw new Fault(0, NOT_SAVED);
    return { data, changed: false, clock: this.clock };
  }

  async send() {
    throw new Fault(0, "A saved page commands nothing.");
  }

  derived(path) {
    const [place, query] = path.split("?");
    const asked = new URLSearchParams(query);
    if (place === "/orders") return this.orders(asked);
    if (place === "/research") return this.runs(asked);
    if (place === "/bars" && asked.has("until")) return this.before(asked);
    return undefined;
  }

  orders(asked) {
    const { orders } = this.responses.get("/orders") ?? { orders: [] };
    const wanted = ["account", "instrument"].filter((name) => asked.has(name));
    const states = Object.keys(STATES).filter((name) => asked.get(name) === "true");
    const shown = orders.filter((order) => wanted.every((name) => order[name] === asked.get(name)) && states.every((name) => STATES[name](order)));
    return { orders: shown, next: null };
  }

  runs(asked) {
    const research = this.responses.get("/research");
    if (!research) return undefined;
    const rank = asked.get("rank");
    const fits = (run) => ["strategy", "kind"].every((name) => !asked.get(name) || run[name] === asked.get(name)) && (!asked.get("tag") || run.tags.includes(asked.get("tag")));
    const runs = research.runs.filter((run) => fits(run) && (!rank || run.figures[rank] != null));
    const way = research.costs.includes(rank) ? 1 : -1;
    return { ...research, runs: rank ? runs.sort((one, other) => way * (one.figures[rank] - other.figures[rank])) : runs };
  }

  /** Bars before the oldest that were saved: none. */
  before(asked) {
    asked.delete("until");
    const newest = this.responses.get(keyOf(`/bars?${asked}`));
    return newest && Object.fromEntries(Object.entries(newest).map(([name, value]) => [name, Array.isArray(value) ? [] : value]));
  }
}

/** A path with its parameters in one order, without those that only say how much is read at once. */
function keyOf(path) {
  const [place, query] = path.split("?");
  const asked = new URLSearchParams(query);
  asked.delete("limit");
  asked.sort();
  const rest = asked.toString();
  return rest ? `${place}?${rest}` : place;
}
