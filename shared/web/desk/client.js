// Requests to the API. Each read sends the ETag of what is known already: an unchanged one is answered without a body.

/** An answer that is none, in words for people: `status` is 0 where nobody answered. */
export class Fault extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

const NOT_REACHED = "The desk does not answer. Check that `fanfold serve` or the stage still runs; the page asks again by itself.";
const ADVICE = {
  401: "Nobody is signed in, or the sign-in has run out. Sign in again.",
  403: "You may not do this. Ask whoever grants access to the desk, or start `fanfold serve --control`.",
  429: "The desk was asked too often. The page waits and asks again by itself.",
};

export class Client {
  /** `config` is config.json of the page; `identity` returns the headers that say who asks. */
  constructor(config, identity = () => ({})) {
    this.config = config;
    this.identity = identity;
    this.known = new Map();
  }

  /**
   * Return {data, changed, clock, recorded}: `clock` is the desk's time in epoch milliseconds, `recorded` names all that
   * the desk had recorded before it answered, null where the answer is of something else. Throws Fault.
   */
  async read(path) {
    const before = this.known.get(path);
    const headers = before?.tag ? { "if-none-match": before.tag } : {};
    const answer = await this.ask(path, { headers });
    const clock = Date.parse(answer.headers.get("fanfold-clock")) || Date.now();
    const recorded = answer.headers.get("fanfold-recorded");
    if (answer.status === 304) {
      // A body that nobody reads counts as a request that was broken off, an empty one too.
      await answer.arrayBuffer();
      return { data: before.data, changed: false, clock, recorded };
    }
    const data = await answer.json();
    this.known.set(path, { tag: answer.headers.get("etag"), data });
    return { data, changed: true, clock, recorded };
  }

  /** Send a command under a key of its own, so that a repeated one is carried out once. Throws Fault. */
  async send(path, body, key) {
    const headers = { "content-type": "application/json", "idempotency-key": key };
    return (await this.ask(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
  }

  async ask(path, request) {
    let answer;
    try {
      const headers = { ...request.headers, ...this.identity() };
      answer = await fetch(this.config.api + path, { ...request, headers, cache: "no-store" });
    } catch {
      throw new Fault(0, NOT_REACHED);
    }
    if (answer.ok || answer.status === 304) return answer;
    throw new Fault(answer.status, await advice(answer));
  }
}

async function advice(answer) {
  const detail = await answer.json().then((body) => body.detail ?? body.message, () => "");
  const known = ADVICE[answer.status] ?? (answer.status >= 500 ? "The desk failed to answer. Its log says why; the page asks again by itself." : "");
  return [detail, known].filter(Boolean).join(" ") || `The desk answered ${answer.status}.`;
}
