// A share as a bar; `state` is near or broken, and the text beside it says the same to who does not see it.
import { h } from "preact";
import { share as shareText } from "./words.js";

export function Bar({ name, share, state }) {
  const shown = Math.max(0, Math.min(1, share));
  return (
    <span class={`meter ${state}`} role="meter" aria-label={name} aria-valuemin={0} aria-valuemax={100}
      aria-valuenow={Math.round(shown * 100)} aria-valuetext={[shareText(share), state].filter(Boolean).join(", ")}>
      <span style={{ width: `${shown * 100}%` }} />
    </span>
  );
}
