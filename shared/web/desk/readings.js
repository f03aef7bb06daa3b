// What the views read: one poll a path, however many look at it. It slows down while nothing changes or nobody answers,
// and rests in a hidden tab. What follows from the desk's record alone is not polled: the status, which every view shows,
// says when more was recorded, and only then is the rest of it asked for again.
import { useEffect, useState } from "preact/hooks";

const SOON_MS = 2000;
const UNCHANGED_MS = 20000;
const FAILED_MS = 60000;

// What changes seldom, or takes many calls to answer, is not asked for as often.
const PACE_MS = { "/system": 30000, "/research": 30000 };
const LEADER = "/status";

export const LOADING = { phase: "loading" };

/** The polls of one client, by path. */
export class Readings {
  constructor(client) {
    this.client = client;
    this.polls = new Map();
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
  }

  /** Call `hear` with every reading of a path until the returned function is called. */
  follow(path, hear) {
    const poll = this.polls.get(path) ?? new Poll(this.client, path, path === LEADER ? (recorded) => this.catchUp(recorded) : null);
    this.polls.set(path, poll);
    poll.listeners.add(hear);
    hear(poll.reading);
    if (poll.listeners.size === 1) poll.run();
    return () => {
      poll.listeners.delete(hear);
      if (!poll.listeners.size) clearTimeout(poll.timer);
    };
  }

  /** Read again what was read before more was recorded; all of it while nobody knows, for the leader was not answered. */
  catchUp(recorded) {
    for (const poll of this.polls.values()) if (poll.listeners.size && poll.recorded && poll.recorded !== recorded) poll.run();
  }

  /** Read everything again at once, as after a command. */
  refresh() {
    for (const poll of this.polls.values()) if (poll.listeners.size) poll.run();
  }
}

class Poll {
  /** `lead` is called with what the desk had recorded at each reading, null where there was no answer; others have none. */
  constructor(client, path, lead) {
    const pace = PACE_MS[path.split("?")[0]] ?? SOON_MS;
    Object.assign(this, { client, path, lead, listeners: new Set(), reading: LOADING, recorded: null, pace, delay: 0, timer: 0, turn: 0 });
  }

  async run() {
    clearTimeout(this.timer);
    if (document.hidden) return;
    const turn = ++this.turn;
    const reading = await this.ask();
    // A later request has overtaken this one.
    if (turn !== this.turn) return;
    this.reading = reading;
    for (const hear of this.listeners) hear(reading);
    if (this.lead) this.lead(reading.phase === "failed" ? null : this.recorded);
    const led = this.recorded && !this.lead && reading.phase !== "failed";
    if (this.listeners.size && !led) this.timer = setTimeout(() => this.run(), this.delay);
  }

  async ask() {
    try {
      const { data, changed, clock, recorded } = await this.client.read(this.path);
      this.recorded = recorded;
      this.delay = changed ? this.pace : Math.max(this.pace, Math.min(this.delay * 2, UNCHANGED_MS));
      return { phase: "ready", data, clock, heard: Date.now() };
    } catch (fault) {
      this.delay = Math.min(Math.max(this.delay, this.pace) * 2, FAILED_MS);
      // What was read before stays in sight, as what it is.
      return { ...this.reading, phase: "failed", fault };
    }
  }
}

let readings;

export function start(client) {
  readings = new Readings(client);
  return readings;
}

export const refresh = () => readings.refresh();

/** The newest reading of a path: {phase: "loading" | "ready" | "failed", data, clock, heard, fault}; "" reads nothing. */
export function useReading(path) {
  const [known, setKnown] = useState({ path, reading: LOADING });
  useEffect(() => (path ? readings.follow(path, (reading) => setKnown({ path, reading })) : undefined), [path]);
  return known.path === path ? known.reading : LOADING;
}
