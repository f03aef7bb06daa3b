// The state of an order as a chip; one that was sent without a known outcome is UNKNOWN.
import { h } from "preact";

const KINDS = { FILLED: "good", REFUSED: "bad", REJECTED: "bad", UNKNOWN: "bad", STALE: "bad", BLOCKED: "bad" };

export const stateOf = (order) => (order.state === "SUBMITTING" ? "UNKNOWN" : order.state);

export const OrderState = ({ order }) => <span class={`chip ${KINDS[stateOf(order)] ?? ""}`}>{stateOf(order)}</span>;
