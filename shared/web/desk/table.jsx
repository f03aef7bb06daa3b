// A table that scrolls by itself where it is wider than the window; `text` has the columns that hold sentences.
import { h } from "preact";

export function Table({ name, head, rows, text = [] }) {
  const kind = (column) => (text.includes(column) ? "text wrap" : undefined);
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={`${name}, line by line`}>
      <table>
        <thead><tr>{head.map((title, column) => <th class={kind(column)}>{title}</th>)}</tr></thead>
        <tbody>
          {rows.map(([first, ...others]) => (
            <tr><th scope="row">{first}</th>{others.map((cell, column) => <td class={kind(column + 1)}>{cell}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
