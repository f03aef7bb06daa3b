// Halt in one step, confirmed; resume by two persons, or by one who waits, as docs/api.md states.
import { h, Fragment } from "preact";
import { useContext, useRef, useState } from "preact/hooks";
import { Dialog } from "./dialog.jsx";
import { PageContext } from "./page.js";
import { refresh } from "./readings.js";
import { moment } from "./words.js";

const STATES = {
  HALTED: "Cancel resting entries, place nothing new",
  REDUCE_ONLY: "Only orders that make a position smaller",
  FLATTENING: "Cancel everything and close every position",
};

/** Send a command; a repeated try of the same words is the same command. */
function useCommand(path) {
  const { client } = useContext(PageContext);
  const sent = useRef({ text: "", key: "" });
  const [state, setState] = useState({});
  async function send(body) {
    const text = JSON.stringify(body);
    if (sent.current.text !== text) sent.current = { text, key: crypto.randomUUID() };
    setState({ busy: true });
    try {
      setState({ done: await client.send(path, body, sent.current.key) });
      refresh();
    } catch (fault) {
      setState({ fault });
    }
  }
  return { ...state, send };
}

function Failure({ fault }) {
  return <p class="notice failed" role="alert" hidden={!fault}>{fault?.message}</p>;
}

function Reason({ label }) {
  return (
    <label>{label}
      <input name="reason" required maxLength={500} autoComplete="off" />
    </label>
  );
}

const fields = (event) => {
  event.preventDefault();
  return Object.fromEntries(new FormData(event.target));
};

/** What a halt came to: the accounts that are in the state, and those that somebody has set to a stricter one. */
function halted({ state, accounts, actor, left = [] }) {
  const kept = left.map(({ account, detail }) => ` ${account} ${detail}.`);
  return `${state}: ${accounts.join(", ")}. It is in the audit chain as ${actor}.${kept.join("")}`;
}

export function HaltDialog({ accounts, close }) {
  const { config } = useContext(PageContext);
  const { send, busy, done, fault } = useCommand(config.halt);
  const submit = (event) => {
    const { state, account, reason, replaces } = fields(event);
    send({ state, accounts: account ? [account] : [], reason, ...(replaces?.trim() && { replaces: [replaces.trim()] }) });
  };
  return (
    <Dialog title="Halt trading" close={close}>
      {done ? <Outcome text={halted(done)} close={close} /> : (
        <form onSubmit={submit}>
          <label>Accounts
            <select name="account">
              <option value="">every opened account</option>
              {accounts.map(({ account }) => <option value={account}>{account}</option>)}
            </select>
          </label>
          <fieldset>
            <legend>What is still allowed</legend>
            {Object.entries(STATES).map(([state, text], n) => (
              <label class="choice"><input type="radio" name="state" value={state} defaultChecked={n === 0} /><span><b>{state}</b> {text}</span></label>
            ))}
          </fieldset>
          <Reason label="Reason, for the audit chain" />
          <Failure fault={fault} />
          {fault?.status === 409 && (
            <label>Code of the stricter state to replace
              <input name="replaces" pattern="\s*[0-9a-f]{8,32}\s*" autoComplete="off" />
            </label>
          )}
          <div class="buttons">
            <button type="button" onClick={close}>Leave it trading</button>
            <button class="danger" disabled={busy}>Halt now</button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

export function ResumeDialog({ account, close }) {
  const { config } = useContext(PageContext);
  const { send, busy, done, fault } = useCommand(config.resume);
  const [confirming, setConfirming] = useState(false);
  const submit = (event) => {
    const { reason, confirmation, rearm } = fields(event);
    send({ account, reason, ...(confirming ? { confirmation: confirmation.trim() } : { rearm: rearm === "on" }) });
  };
  if (done) return <Dialog title={`Resume ${account}`} close={close}><Resumed answer={done} close={close} /></Dialog>;
  return (
    <Dialog title={`Resume ${account}`} close={close}>
      <form onSubmit={submit}>
        <p>It takes two: one asks and gets a confirmation, another comes back with it. Who asked may do so after 15 minutes.</p>
        <label class="choice">
          <input type="checkbox" checked={confirming} onChange={(event) => setConfirming(event.target.checked)} />
          <span>I have a confirmation</span>
        </label>
        {confirming
          ? <label>Confirmation<input name="confirmation" required pattern="\s*[0-9a-f]{32}\s*" autoComplete="off" /></label>
          : <label class="choice"><input type="checkbox" name="rearm" /><span>Re-arm: the day and the peak begin anew, after a loss limit or a drawdown</span></label>}
        <Reason label="Reason, for the audit chain" />
        <Failure fault={fault} />
        <div class="buttons">
          <button type="button" onClick={close}>Leave it halted</button>
          <button class="danger" disabled={busy}>{confirming ? "Resume now" : "Ask to resume"}</button>
        </div>
      </form>
    </Dialog>
  );
}

function Resumed({ answer, close }) {
  if (answer.state === "ACTIVE") return <Outcome text={`${answer.account} trades again.`} close={close} />;
  return (
    <>
      <p>Give this confirmation to a second person; they may use it now, you from {moment(answer.own_from)}, nobody after {moment(answer.until)}.</p>
      <p><code class="confirmation">{answer.confirmation}</code></p>
      <div class="buttons"><button type="button" onClick={close}>Close</button></div>
    </>
  );
}

function Outcome({ text, close }) {
  return (
    <>
      <p role="status">{text}</p>
      <div class="buttons"><button type="button" onClick={close} autoFocus>Close</button></div>
    </>
  );
}
