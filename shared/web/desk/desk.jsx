// The desk's page: it reads config.json, and shows the view that the address names after its #.
import { h, render, Fragment } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Client } from "./client.js";
import { Header } from "./header.jsx";
import { PageContext } from "./page.js";
import { start } from "./readings.js";
import { Notice } from "./states.jsx";
import { VIEWS } from "./views.js";

/** The view and the parameters in an address such as #/orders?state=open. */
function here() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const view = VIEWS.find(({ name }) => name === path) ?? VIEWS[0];
  return { view, query: Object.fromEntries(new URLSearchParams(query)) };
}

function Page() {
  const [{ view, query }, setPlace] = useState(here);
  useEffect(() => {
    const move = () => setPlace(here());
    addEventListener("hashchange", move);
    return () => removeEventListener("hashchange", move);
  }, []);
  useEffect(() => {
    document.title = `${view.title} · Fanfold`;
  }, [view]);
  return (
    <>
      <a class="skip" href={`#/${view.name}`} onClick={focusMain}>Skip to the view</a>
      <Header views={VIEWS} current={view.name} />
      <main tabIndex={-1}>
        <h1>{view.title}</h1>
        <view.View key={view.name} query={query} />
      </main>
      <footer>
        <a href="https://www.tradingview.com/" rel="noreferrer">Charts by TradingView Lightweight Charts™</a>
      </footer>
    </>
  );
}

function focusMain(event) {
  event.preventDefault();
  document.querySelector("main").focus();
}

async function open(root) {
  let config;
  try {
    config = await (await fetch("config.json", { cache: "no-store" })).json();
  } catch {
    render(<Notice kind="failed" title="The page could not be opened">Its config.json was not answered. Check that `fanfold serve` or the stage still runs, and load the page again.</Notice>, root);
    return;
  }
  const client = new Client(config);
  start(client);
  render(<PageContext.Provider value={{ client, config }}><Page /></PageContext.Provider>, root);
}

open(document.getElementById("page"));
