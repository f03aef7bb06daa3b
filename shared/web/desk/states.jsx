// The states that every view shares: loading, failed, stale and empty, each with words that say what to do.
import { h, Fragment } from "preact";
import { moment, span } from "./words.js";

export function Notice({ kind, title, children }) {
  return (
    <div class={`notice ${kind}`} role={kind === "failed" ? "alert" : "status"}>
      <strong>{title}</strong>
      <p>{children}</p>
    </div>
  );
}

export const Empty = ({ title, children }) => <Notice kind="empty" title={title}>{children}</Notice>;

/** Show a reading by `children(data)`, with what is wrong with it above; a skeleton keeps the place until then. */
export function Shown({ reading, height = 240, children }) {
  const { phase, data, fault, heard } = reading;
  if (phase === "loading") {
    return <div class="skeleton" style={{ minHeight: `${height}px` }} role="status" aria-label="Loading">Loading …</div>;
  }
  return (
    <>
      {phase === "failed" && (
        <Notice kind="failed" title={data ? `Not answered since ${moment(heard / 1000)}` : "Nothing could be read"}>
          {fault.message}
        </Notice>
      )}
      {data && children(data)}
    </>
  );
}

/** Seconds by which an account's data is behind the desk's clock, and whether that is more than two bars. */
export function age(account, clock) {
  if (!account.matched_through) return { seconds: null, stale: false };
  const seconds = (clock - Date.parse(account.matched_through)) / 1000;
  return { seconds, stale: seconds > 2 * account.bar_s };
}

export function StaleNotice({ account, clock }) {
  const { seconds, stale } = age(account, clock);
  return stale && (
    <Notice kind="stale" title={`The data of ${account.account} is ${span(seconds)} old`}>
      No bar has been decided on since {moment(account.matched_through)}. See docs/runbook.md, “Bars missing”, or{" "}
      <code>fanfold status</code>; until it is mended, take every figure here as of that time.
    </Notice>
  );
}
