// A modal dialog of the browser's own: it keeps the focus, and Escape closes it.
import { h } from "preact";
import { useEffect, useRef } from "preact/hooks";

export function Dialog({ title, wide = false, close, children }) {
  const shown = useRef(null);
  useEffect(() => {
    shown.current.showModal();
  }, []);
  return (
    <dialog ref={shown} class={wide ? "wide" : ""} aria-labelledby="dialog-title" onClose={close}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}
