// System: what the desk runs on, what it costs, and whether its record is whole.
import { h, Fragment } from "preact";
import { useContext } from "preact/hooks";
import { PageContext } from "../page.js";
import { useReading } from "../readings.js";
import { Empty, Notice, Shown } from "../states.jsx";
import { moment, span } from "../words.js";
import { Table } from "../table.jsx";

export function SystemView() {
  const system = useReading("/system");
  const limits = useReading("/limits");
  return (
    <>
      <Shown reading={system} height={480}>{(data) => <System {...data} clock={system.clock} />}</Shown>
      <section aria-label="Age of the data">
        <h2>Age of the data</h2>
        <Shown reading={limits} height={80}>{({ accounts }) => <Ages accounts={accounts} clock={limits.clock} />}</Shown>
      </section>
      <Cost />
    </>
  );
}

function System({ stage, queues, dead_letters, alarms, alerts = [], functions, chains, closed, absent, clock }) {
  const late = (at) => span((clock - Date.parse(at)) / 1000);
  return (
    <>
      <p class="muted">Stage {stage}.</p>
      <Part title="Queues" note={absent.queue_age}>
        <Table name="Queues" head={["Service", "Waiting", "In flight", "Dead letters"]}
          rows={queues.map((each) => [each.service, each.waiting, each.in_flight, <b class={each.dead_letters ? "loss" : ""}>{each.dead_letters}</b>])} />
      </Part>
      <Part title="Dead letters">
        {dead_letters.length
          ? <Table name="Dead letters" head={["Service", "Age", "Received", "Reason"]} text={[3]}
              rows={dead_letters.map((each) => [each.service, late(each.sent_at), each.receives, <span title={each.message_id}>{each.reason}</span>])} />
          : <Empty title="No dead letters">Every message could be handled. One that cannot is put aside here with its reason; <code>fanfold dead-letters redrive</code> sends it back.</Empty>}
      </Part>
      <Part title="Alerts">
        {alerts.length
          ? <Table name="Alerts" head={["Alert", "Severity", "Since", "Times", "About"]} text={[4]}
              rows={alerts.map((each) => [<span title={each.key}>{each.title}</span>, <b class={each.severity === "critical" ? "loss" : ""}>{each.severity}</b>, moment(each.since), each.count, each.text])} />
          : <Empty title="No alert needs anybody">Where the desk file names channels, what needs a person is here until it is over, or taken by <code>fanfold alerts --ack</code>.</Empty>}
      </Part>
      <Part title="Alarms" note={absent.alarms}>
        {alarms.length > 0 && <Table name="Alarms" head={["Alarm", "State", "Since", "About"]} text={[3]}
          rows={alarms.map((each) => [each.name, <b class={each.state === "ALARM" ? "loss" : "gain"}>{each.state}</b>, moment(each.since), each.about])} />}
      </Part>
      <Part title="Audit chain" note={absent.closed}>
        {closed && <Closed {...closed} />}
        <Table name="Audit chain" head={["Stream", "Records", "In the lake", "Head"]} text={[3]}
          rows={chains.map((each) => [each.stream, each.records, each.in_lake, <code title={each.hash}>{each.hash.slice(0, 16)}</code>])} />
      </Part>
      <Part title="Functions">
        <p class="muted">Of each service the function that reads its queue; all functions of a service run from one image.</p>
        <Table name="Functions" head={["Service", "Function", "Version", "Deployed", "Digest"]} text={[4]}
          rows={functions.map((each) => [each.service, each.function, each.version || "–", moment(each.deployed_at), <code title={each.digest}>{each.digest.slice(0, 16)}</code>])} />
      </Part>
    </>
  );
}

function Part({ title, note, children }) {
  return <section aria-label={title}><h2>{title}</h2>{note && <p class="muted">{note}.</p>}{children}</section>;
}

function Closed({ day, state, sound, sealed, faults }) {
  if (state === "closed" && sound) {
    return <p>Last closed and verified day: <b>{day}</b>, every chain sound{sealed ? ", sealed" : "; its seal is being written"}.</p>;
  }
  return (
    <Notice kind="failed" title={`${day} could not be closed`}>
      {faults.join("; ") || "A chain is not as it was recorded"}. Run <code>fanfold audit verify</code>, and see docs/audit.md.
    </Notice>
  );
}

function Ages({ accounts, clock }) {
  const newest = new Map();
  for (const { marks } of accounts) for (const { instrument, closed_at } of marks) newest.set(instrument, closed_at);
  if (!newest.size) return <Empty title="No bar has come yet">Prices are here once market-data has published a bar.</Empty>;
  return (
    <Table name="Age of the data" head={["Instrument", "Last bar closed", "Age"]}
      rows={[...newest].map(([instrument, at]) => [instrument, moment(at), span((clock - Date.parse(at)) / 1000)])} />
  );
}

function Cost() {
  const { cost } = useContext(PageContext).config;
  return (
    <Part title="Cost of a month">
      {cost ? (
        <>
          <p><b>{cost.listed} $</b> at list price, {cost.after_free} $ after what is always free: an <b>estimate</b>, {cost.basis}.</p>
          <Table name="Cost of a month" head={["What", "$ at list price"]} rows={cost.lines.map(({ what, listed }) => [what, listed])} />
        </>
      ) : <Empty title="No estimate">This page was served without one; <code>fanfold cost</code> counts it.</Empty>}
    </Part>
  );
}
