// The header of every view: where to go, and what must never be out of sight: trading states, orders whose outcome
// nobody knows, the age of the data, and the halt.
import { h, Fragment } from "preact";
import { useContext, useState } from "preact/hooks";
import { HaltDialog, ResumeDialog } from "./control.jsx";
import { PageContext } from "./page.js";
import { useReading } from "./readings.js";
import { age } from "./states.jsx";
import { span } from "./words.js";

export function Header({ views, current }) {
  const reading = useReading("/status");
  return (
    <header>
      <div class="bar">
        <a class="brand" href="#/">Fanfold</a>
        <nav aria-label="Views">
          {views.map(({ name, title }) => (
            <a href={`#/${name}`} aria-current={name === current ? "page" : undefined}>{title}</a>
          ))}
        </nav>
        <Halt accounts={reading.data?.accounts ?? []} />
      </div>
      <Vitals reading={reading} />
    </header>
  );
}

function Halt({ accounts }) {
  const { config } = useContext(PageContext);
  const [open, setOpen] = useState(false);
  if (!config.control) return null;
  return (
    <>
      <button class="danger halt" onClick={() => setOpen(true)}>Halt</button>
      {open && <HaltDialog accounts={accounts} close={() => setOpen(false)} />}
    </>
  );
}

function Vitals({ reading }) {
  const { data, clock, phase, fault } = reading;
  return (
    <div class="vitals" aria-live="polite">
      {phase === "failed" && <span class="chip bad" title={fault.message}>no answer</span>}
      {phase === "loading" && <span class="chip">reading …</span>}
      {data?.accounts.map((account) => <AccountVitals key={account.account} account={account} clock={clock} />)}
      {data && <Unknown accounts={data.accounts} />}
    </div>
  );
}

function AccountVitals({ account, clock }) {
  const { config } = useContext(PageContext);
  const [open, setOpen] = useState(false);
  const { seconds, stale } = age(account, clock);
  const trades = account.trading_state === "ACTIVE";
  const why = [account.trading_state_reason, account.trading_state_actor].filter(Boolean).join(", by ");
  return (
    <span class={`chip ${trades ? "good" : "bad"}`} title={why}>
      <b>{account.account}</b> {account.trading_state}
      <span class={stale ? "late" : "muted"}>{seconds == null ? "no data yet" : `data ${span(seconds)} old`}</span>
      {config.control && !trades && account.as_of && <button class="link" onClick={() => setOpen(true)}>Resume</button>}
      {open && <ResumeDialog account={account.account} close={() => setOpen(false)} />}
    </span>
  );
}

function Unknown({ accounts }) {
  const count = accounts.reduce((sum, account) => sum + account.unknown_orders, 0);
  return (
    <a class={`chip ${count ? "bad" : "good"}`} href="#/orders?state=unknown">
      {count ? `${count} UNKNOWN order${count > 1 ? "s" : ""}` : "no unknown orders"}
    </a>
  );
}
