// The desk: each account with its money and its trading state.
import { h, Fragment } from "preact";
import { useReading } from "../readings.js";
import { Empty, Shown, StaleNotice } from "../states.jsx";
import { direction, moment, money, signed } from "../words.js";

export function DeskView() {
  const status = useReading("/status");
  return (
    <Shown reading={status}>
      {({ accounts }) => (
        <>
          {accounts.map((account) => <StaleNotice key={account.account} account={account} clock={status.clock} />)}
          {accounts.every((account) => !account.as_of) && (
            <Empty title="Nothing has been traded yet">
              An account has books once its first bar is decided on. Wait for it, or run <code>fanfold status</code> to see what is missing.
            </Empty>
          )}
          {accounts.map((account) => <Account key={account.account} account={account} />)}
        </>
      )}
    </Shown>
  );
}

function Account({ account }) {
  const figures = [
    ["Cash", money(account.cash)],
    ["Realised", <span class={direction(account.realised)}>{signed(account.realised)}</span>],
    ["Fees", money(account.fees)],
    ["Positions", account.positions],
    ["Open orders", account.open_orders],
    ["Matched through", moment(account.matched_through)],
  ];
  return (
    <section aria-label={`Account ${account.account}`}>
      <h2>{account.account} <small>{account.venue}, in {account.currency}</small></h2>
      <dl class="figures">
        {figures.map(([name, value]) => <div><dt>{name}</dt><dd>{value}</dd></div>)}
      </dl>
    </section>
  );
}
