// The state of an order as a chip; one that was sent without a known outcome is UNKNOWN.
import { h } from "preact";

const LIVE = new Set(["APPROVED", "OPEN", "PARTIAL", "SUBMITTING"]);

const KINDS = { FILLED: "good", REFUSED: "bad", REJECTED: "bad", UNKNOWN: "bad", STALE: "bad", BLOCKED: "bad" };

export const isOpen = ({ state }) => LIVE.has(state);
export const isUnknown = ({ state }) => state === "SUBMITTING";

export function OrderState({ order }) {
  const state = isUnknown(order) ? "UNKNOWN" : order.state;
  return <span class={`chip ${KINDS[state] ?? ""}`}>{state}</span>;
}
