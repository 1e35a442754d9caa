// A followed log.

import { backoff, socket } from "./api.js";
import { coloured } from "./ansi.js";
import { h } from "./dom.js";

/** Lines that stay on the page. */
const MOST = 2000;
/** Lines that are read at the beginning. */
const TAIL = 300;
const COLOURS = 6;

/**
 * Show the log of an object in an element, and follow the log.
 *
 * @returns {() => void} Ends the log.
 */
export function followLog(element, { path, name, kind }) {
  const lines = h("div", { class: "lines", role: "log", "aria-live": "off", "aria-label": `Log of ${name}`, tabindex: "0" });
  const state = h("span", { class: "quiet", role: "status" }, "Connecting …");
  const times = h("input", { type: "checkbox" });
  const wrap = h("input", { type: "checkbox", checked: true });
  const newest = h("button", { type: "button", class: "plain newest", hidden: true }, "Newest lines");
  element.replaceChildren(
    h("div", { class: "tools" }, state, h("label", null, times, "Times"), h("label", null, wrap, "Wrap")), lines, newest);
  times.onchange = () => lines.classList.toggle("times", times.checked);
  wrap.onchange = () => lines.classList.toggle("unwrapped", !wrap.checked);

  const atEnd = () => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
  const toEnd = () => { lines.scrollTop = lines.scrollHeight; };
  let follows = true;
  lines.onscroll = () => { follows = atEnd(); newest.hidden = follows; };
  newest.onclick = () => { toEnd(); lines.focus(); };

  const sources = new Map();
  let waiting = [];
  let frame = 0;
  let partial = null;

  function show() {
    frame = 0;
    lines.append(...waiting);
    waiting = [];
    while (lines.childElementCount > MOST) lines.firstElementChild.remove();
    if (follows) toEnd();
    else newest.hidden = false;
  }

  function receive(entry) {
    if (entry.type !== "log") return;
    const text = entry.log.replace(/\n$/, "");
    if (partial) partial.append(...coloured(text));
    else {
      const line = h("div", { class: `line ${entry.streamType ?? ""}` });
      line.append(h("time", null, new Date(entry.timestamp * 1000).toLocaleTimeString()));
      if (entry.source) {
        if (!sources.has(entry.source)) sources.set(entry.source, sources.size % COLOURS);
        line.append(h("span", { class: `source source-${sources.get(entry.source)}` }, entry.source));
      }
      const body = h("span", { class: "text" });
      body.append(...coloured(text));
      line.append(body);
      waiting.push(line);
      partial = body;
    }
    if (!entry.partial) partial = null;
    frame ||= requestAnimationFrame(show);
  }

  let ws = null;
  let timer = 0;
  let attempt = 0;

  function connect() {
    const query = { tail: TAIL, follow: "true" };
    if (kind !== "action") query.timestamps = "false";
    ws = socket(`${path}logs/`, query);
    ws.onopen = () => {
      // The last lines come again after a lost connection.
      lines.replaceChildren();
      waiting = [];
      partial = null;
      attempt = 0;
      state.textContent = "Live";
    };
    ws.onmessage = ({ data }) => receive(JSON.parse(data));
    ws.onclose = ({ code, reason }) => {
      if (code === 1000) {
        state.textContent = "The log has ended.";
      } else if (code === 1008) {
        state.textContent = reason;
      } else {
        state.textContent = "Connection lost; trying again …";
        timer = setTimeout(connect, backoff(attempt++));
      }
    };
  }
  connect();

  return () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    ws.onclose = null;
    ws.close();
  };
}
