// What objects are called, what can be done with them, and how values are written.

import { h, icon } from "./dom.js";

export const TITLES = {
  stack: "Stacks", service: "Services", container: "Containers", node: "Nodes", action: "Actions",
};

/** State → how the state looks. */
export const TONES = {
  Running: "good", Deployed: "good", Success: "good",
  Starting: "busy", Scaling: "busy", Redeploying: "busy", Stopping: "busy",
  Terminating: "busy", Deploying: "busy", Upgrading: "busy", Pending: "busy",
  "In progress": "busy", Canceling: "busy",
  "Partly running": "warn", "Partly deployed": "warn", Canceled: "warn",
  Unreachable: "bad", Failed: "bad",
  "Not running": "idle", Stopped: "idle", Terminated: "idle", Created: "idle",
  Init: "idle", "Empty cluster": "idle",
};

/** Operation → the text of its button, the message meanwhile, the icon if it has another name. */
export const OPERATIONS = {
  start: { text: "Start", doing: "Starting" },
  stop: { text: "Stop", doing: "Stopping" },
  scale: { text: "Scale", doing: "Scaling" },
  redeploy: { text: "Redeploy", doing: "Redeploying" },
  rollback: { text: "Roll back", doing: "Rolling back" },
  "health-check": { text: "Check health", doing: "Checking the health of", icon: "health" },
  "docker-upgrade": { text: "Upgrade Docker", doing: "Upgrading Docker on", icon: "upgrade" },
  deploy: { text: "Deploy", doing: "Deploying", icon: "start" },
  cancel: { text: "Cancel", doing: "Canceling" },
  retry: { text: "Retry", doing: "Retrying" },
  terminate: { text: "Terminate", doing: "Terminating", danger: true },
};

/** Return the name by which people know an object. */
export function nameOf(kind, object) {
  if (kind === "action") return object.action;
  return object.nickname && kind === "node" ? object.nickname : object.name ?? object.uuid;
}

export function hashOf(kind, uuid, tab) {
  return `#/${kind}/${uuid}${tab ? `/${tab}` : ""}`;
}

/** Return a link to an object. */
export function linkTo(kind, object) {
  return h("a", { href: hashOf(kind, object.uuid) }, nameOf(kind, object));
}

export function badge(state, health) {
  const tone = TONES[state] ?? "idle";
  const ill = health === "unhealthy";
  return h("span", { class: `badge ${ill ? "bad" : tone}` },
    h("span", { class: "dot" }), ill ? `${state}, unhealthy` : state);
}

/** Return the buttons of the operations that a state allows. */
export function buttons(kind, object, session, { compact = false } = {}) {
  const rules = session.operations[kind] ?? {};
  const writes = session.scopes.includes("deploy") && (kind !== "node" || session.operator);
  const names = Object.keys(OPERATIONS).filter((name) => writes && rules[name]?.includes(object.state))
    .filter((name) => !compact || ["start", "stop", "redeploy", "terminate", "cancel"].includes(name))
    .filter((name) => kind !== "action" || object[name === "cancel" ? "can_be_canceled" : "can_be_retried"]);
  return names.map((name) => {
    const { text, danger, icon: own } = OPERATIONS[name];
    const called = nameOf(kind, object);
    return h("button", {
      type: "button", key: name, class: danger ? "danger" : "plain", "data-do": name,
      "data-kind": kind, "data-uuid": object.uuid,
      "aria-label": `${text} ${called}`, title: compact ? text : null,
    }, icon(own ?? name), compact ? null : h("span", null, text));
  });
}

const UNITS = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];

/** Return how long ago a date of the API is, as `3 min ago`; the title has the date. Null for no date. */
export function ago(date) {
  if (!date) return null;
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(date)) / 1000));
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ["s", 1];
  const text = seconds < 5 ? "just now" : `${Math.floor(seconds / size)} ${unit} ago`;
  const moment = new Date(date);
  return h("time", { datetime: moment.toISOString(), title: moment.toLocaleString() }, text);
}

export function plural(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
