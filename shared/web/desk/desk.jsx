/*! The page is drawn by Preact, under its licence:

The MIT License (MIT)

Copyright (c) 2015-present Jason Miller

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
*/
// The desk's page: it reads config.json, and shows the view that the address names after its #.
import { h, render, Fragment } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { Client } from "./client.js";
import { Header } from "./header.jsx";
import { PageContext } from "./page.js";
import { start } from "./readings.js";
import { SavedClient, savedPage } from "./saved.js";
import { signedIn, signIn } from "./signin.js";
import { Notice } from "./states.jsx";
import { VIEWS } from "./views.js";
import { moment } from "./words.js";

// The longest that a timer waits.
const LONGEST_MS = 2 ** 31 - 1;

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
      <SavedAt />
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

/** Of a saved page: when its data was true. */
function SavedAt() {
  const { client } = useContext(PageContext);
  return client instanceof SavedClient && (
    <p class="saved">Saved with the data of <b>{moment(client.clock / 1000)}</b>. Nothing here changes, and nothing can be commanded from it.</p>
  );
}

function focusMain(event) {
  event.preventDefault();
  document.querySelector("main").focus();
}

async function open(root) {
  const saved = savedPage();
  if (saved) return show(root, new SavedClient(saved), saved.config);
  let config;
  try {
    config = await (await fetch("config.json", { cache: "no-store" })).json();
  } catch {
    render(<Notice kind="failed" title="The page could not be opened">Its config.json was not answered. Check that `fanfold serve` or the stage still runs, and load the page again.</Notice>, root);
    return;
  }
  const who = config.sign_in && (await identified(root, config.sign_in));
  if (config.sign_in && !who) return;
  show(root, new Client(config, () => who?.headers ?? {}), config);
}

/** Return who reads; null, with a button to sign in, where nobody is known. The token is forgotten when it has run out. */
async function identified(root, issuer) {
  const ask = (fault) => render(<SignIn issuer={issuer} fault={fault} />, root);
  try {
    const who = await signedIn(issuer);
    if (who) setTimeout(ask, Math.min(who.until - Date.now(), LONGEST_MS), "The sign-in has run out.");
    else ask();
    return who;
  } catch (fault) {
    ask(fault.message);
    return null;
  }
}

function SignIn({ issuer, fault }) {
  const [failed, setFailed] = useState(fault);
  return (
    <main>
      <h1>Fanfold</h1>
      {failed && <Notice kind="failed" title="Nobody is signed in">{failed}</Notice>}
      <p>Your desk is shown to whoever {new URL(issuer.issuer).host} lets in.</p>
      <button onClick={() => signIn(issuer).catch((wrong) => setFailed(`The issuer was not reached: ${wrong.message}. Try again.`))}>Sign in</button>
    </main>
  );
}

function show(root, client, config) {
  start(client);
  render(<PageContext.Provider value={{ client, config }}><Page /></PageContext.Provider>, root);
}

open(document.getElementById("page"));
