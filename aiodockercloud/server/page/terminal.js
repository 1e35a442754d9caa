// A terminal by lines: the API runs commands without a terminal of their own.

import { socket } from "./api.js";
import { coloured } from "./ansi.js";
import { h } from "./dom.js";

/** Characters of output that stay on the page. */
const MOST = 200_000;
/** The character that ends the input of a command. */
const END_OF_INPUT = "\x04";

/**
 * Show a terminal of a container in an element.
 *
 * @returns {() => void} Ends the command.
 */
export function openTerminal(element, { path, name }) {
  const command = h("input", { name: "command", value: "sh", autocomplete: "off", autocapitalize: "none", spellcheck: "false", required: true });
  const run = h("button", { class: "primary", type: "submit" }, "Run");
  const stop = h("button", { class: "plain", type: "button", disabled: true }, "End");
  const output = h("div", { class: "lines output", role: "log", "aria-label": `Output in ${name}`, tabindex: "0" });
  const line = h("input", { class: "typed", "aria-label": "Input of the command", autocomplete: "off", autocapitalize: "none", spellcheck: "false", disabled: true });
  const start = h("form", { class: "tools" }, h("label", { class: "command" }, "Command", command), run, stop);
  const input = h("form", { class: "prompt" }, h("span", { "aria-hidden": "true" }, "›"), line);
  element.replaceChildren(start, output, input,
    h("p", { class: "quiet" }, "Enter sends the line, Ctrl+D ends the input, ↑ and ↓ bring former lines."));

  let ws = null;
  const former = [];
  let place = 0;

  function write(text, kind) {
    const piece = h("span", { class: kind });
    piece.append(...coloured(text));
    output.append(piece);
    let left = output.textContent.length;
    while (left > MOST && output.childElementCount > 1) {
      left -= output.firstElementChild.textContent.length;
      output.firstElementChild.remove();
    }
    output.scrollTop = output.scrollHeight;
  }

  function runs(running) {
    line.disabled = !running;
    stop.disabled = !running;
    run.disabled = running;
    command.disabled = running;
  }

  function end(text, kind = "note") {
    if (output.textContent && !output.textContent.endsWith("\n")) write("\n", kind);
    write(`${text}\n`, kind);
    const typed = document.activeElement === line;
    ws = null;
    runs(false);
    if (typed) run.focus();
  }

  start.onsubmit = (event) => {
    event.preventDefault();
    write(`$ ${command.value}\n`, "note");
    runs(true);
    line.focus();
    const opened = socket(`${path}exec/`, { command: command.value });
    ws = opened;
    let ended = false;
    opened.onmessage = ({ data }) => {
      if (ws !== opened) return;
      const frame = JSON.parse(data);
      if (frame.type === "exit") {
        ended = true;
        end(`The command ended with exit code ${frame.exit_code ?? "unknown"}.`, frame.exit_code ? "note bad" : "note");
      } else write(frame.output, frame.streamType);
    };
    opened.onclose = ({ reason }) => {
      if (ws === opened && !ended) end(reason || "The command could not run, or the connection was lost.", "note bad");
    };
  };

  const send = (text) => ws?.readyState === WebSocket.OPEN && ws.send(text);
  stop.onclick = () => {
    const before = ws;
    end("The connection to the command was closed.");
    before.close();
  };
  input.onsubmit = (event) => {
    event.preventDefault();
    write(`${line.value}\n`, "typed");
    send(`${line.value}\n`);
    if (line.value) former.push(line.value);
    place = former.length;
    line.value = "";
  };
  line.onkeydown = (event) => {
    if (event.ctrlKey && event.key === "d") {
      event.preventDefault();
      send(END_OF_INPUT);
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      place = Math.max(0, Math.min(former.length, place + (event.key === "ArrowUp" ? -1 : 1)));
      line.value = former[place] ?? "";
    }
  };

  return () => {
    const before = ws;
    ws = null;
    before?.close();
  };
}
