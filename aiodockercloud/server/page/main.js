// The page: login, addresses, drawing, and what its buttons do.

import { KINDS, parseUri, pathOf, request, useNamespace } from "./api.js";
import { detailPage, readMore } from "./details.js";
import { askForStack, askToScale, askToTerminate } from "./dialogs.js";
import { draw, h, icon } from "./dom.js";
import { listPage, navigation } from "./lists.js";
import { Live } from "./live.js";
import { followLog } from "./logs.js";
import { openTerminal } from "./terminal.js";
import { OPERATIONS, TITLES, nameOf } from "./words.js";

const $ = (id) => document.getElementById(id);
/** Milliseconds for which a message stays. */
const NOTICE = 5000;
/** Milliseconds between two drawings only because time passes. */
const AGES = 5000;

let session = null;
let place = { kind: "service" };
let filter = "";
const live = new Live(() => schedule(), (reason) => ended(reason));

// --- messages -----------------------------------------------------------------------

/** Show a message, and let screen readers read it; an error stays until it is closed. */
function notify(text, isError = false) {
  const live = $(isError ? "alert" : "status");
  live.textContent = "";
  live.textContent = text;
  const close = h("button", { type: "button", class: "plain", "aria-label": "Close the message" }, icon("cancel"));
  const notice = h("div", { class: `notice ${isError ? "bad" : ""}` }, h("span", null, text), close);
  close.onclick = () => notice.remove();
  $("notices").append(notice);
  while ($("notices").childElementCount > 3) $("notices").firstElementChild.remove();
  if (!isError) setTimeout(() => notice.remove(), NOTICE);
}

// --- the session --------------------------------------------------------------------

async function begin() {
  try {
    opened(await request("GET", "/session"));
  } catch (error) {
    opened({ user: null });
    notify(error.message, true);
  }
}

function opened(found) {
  session = found.user ? found : null;
  $("login").hidden = Boolean(session);
  $("console").hidden = !session;
  if (!session) {
    document.title = "Log in · aiodockercloud";
    $("login").querySelector("input").focus();
    return;
  }
  $("user").textContent = session.user;
  const several = session.namespaces.length > 1;
  document.querySelector(".namespace").hidden = !several;
  $("namespace").replaceChildren(...session.namespaces.map((name) => h("option", { value: name, selected: name === session.namespace }, name)));
  choose(session.namespace);
}

function choose(namespace) {
  useNamespace(namespace === session.namespace ? "" : namespace);
  live.clear();
  live.start();
  route();
}

function ended(reason) {
  if (!session) return;
  live.stop();
  live.clear();
  draw($("main"), []);
  mountPanels();
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  $("login-reason").textContent = reason;
  opened({ user: null });
}

$("login").querySelector("form").onsubmit = async (event) => {
  event.preventDefault();
  const form = event.target;
  const problem = form.querySelector(".problem");
  const button = form.querySelector("button");
  problem.hidden = true;
  button.disabled = true;
  try {
    const body = JSON.stringify(Object.fromEntries(new FormData(form)));
    const found = await request("POST", "/session", body);
    form.reset();
    opened(found);
    $("main").focus();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
  button.disabled = false;
};

$("logout").onclick = async () => {
  try {
    await request("DELETE", "/session");
    ended("You are logged out.");
  } catch (error) {
    notify(error.message, true);
  }
};

$("namespace").onchange = ({ target }) => choose(target.value);

// --- addresses ----------------------------------------------------------------------

/** Show what the address names, and move the focus to its heading. */
function route(moved = false) {
  const [word = "", uuid = "", tab = ""] = location.hash.replace(/^#\/?/, "").split("/");
  const kind = KINDS.find((one) => word === one || word === `${one}s`) ?? "service";
  const next = { kind, uuid: word.endsWith("s") ? "" : uuid, tab };
  const other = next.kind !== place.kind || next.uuid !== place.uuid;
  place = next;
  if (other) filter = "";
  if (!session) return;
  render();
  if (other && $("filter")) $("filter").value = "";
  if (place.uuid && live.loaded && (other || !moved)) readPlace();
  if (moved && other) {
    scrollTo(0, 0);
    $("main").querySelector("h1")?.focus();
  }
}

function readPlace() {
  readMore(live, place.kind, place.uuid).catch((error) => {
    if (error.status !== 404) notify(error.message, true);
  });
}

addEventListener("hashchange", () => route(true));

$("skip").onclick = (event) => {
  event.preventDefault(); // the address names what is shown
  (session ? $("main") : $("login").querySelector("input")).focus();
};

// --- drawing ------------------------------------------------------------------------

let scheduled = false;
let loads = 0;

function schedule() {
  if (scheduled) return;
  scheduled = true;
  // Not with the frames of the screen: a page in the background stays up to date.
  setTimeout(() => {
    scheduled = false;
    if (!session) return;
    render();
    // The lists do not have everything that the page of an object shows.
    if (live.loaded && live.loads !== loads && place.uuid) readPlace();
    loads = live.loads;
  }, 16);
}

function render() {
  const { kind, uuid, tab } = place;
  draw($("nav"), [navigation(kind, live)]);
  draw($("connection"), connection());
  if (!live.loaded) {
    draw($("main"), [h("p", { class: "card quiet", key: "loading" }, "Loading …")]);
  } else if (uuid) {
    draw($("main"), detailPage(kind, uuid, tab, live, session));
  } else {
    draw($("main"), listPage(kind, live, session, filter));
  }
  mountPanels();
  const object = uuid && live.get(kind, uuid);
  document.title = `${object ? nameOf(kind, object) : TITLES[kind]} · aiodockercloud`;
}

let spoken = "";

function connection() {
  const { state, until } = live.connection;
  const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
  const text = { live: "Live", connecting: "Connecting …", waiting: `Connection lost, next attempt in ${seconds} s` }[state];
  if (state !== spoken && state !== "connecting") {
    // Screen readers hear of a change, not of each second.
    if (spoken) $("status").textContent = state === "live" ? "Connected again." : "The connection to the server is lost.";
    spoken = state;
  }
  return [
    h("span", { class: `pill ${state}`, key: "pill" }, h("span", { class: "dot" }), text),
    state === "waiting" && h("button", { type: "button", class: "plain", key: "now", "data-do": "connect" }, "Connect now"),
  ].filter(Boolean);
}

// The seconds until the next attempt, and those since a date.
setInterval(() => {
  if (session && !document.hidden && live.connection.state === "waiting") schedule();
}, 1000);
setInterval(() => {
  if (session && !document.hidden) schedule();
}, AGES);

// --- logs and terminals -------------------------------------------------------------

const PANELS = { log: followLog, terminal: openTerminal };
/** Element → the function that ends its log or terminal. */
const mounted = new Map();

function mountPanels() {
  for (const [element, close] of mounted) {
    if (element.isConnected) continue;
    close();
    mounted.delete(element);
  }
  for (const element of document.querySelectorAll("[data-panel]")) {
    if (!mounted.has(element)) mounted.set(element, PANELS[element.dataset.panel](element, { ...element.dataset }));
  }
}

// --- operations ---------------------------------------------------------------------

async function operate(name, kind, object) {
  const called = nameOf(kind, object);
  const path = pathOf(kind, object.uuid);
  const done = (answer) => {
    if (answer && parseUri(answer.resource_uri)?.kind === kind) live.put(answer);
    notify(`${OPERATIONS[name].doing} ${called} …`);
  };
  if (name === "terminate") {
    askToTerminate(kind, called, async () => done(await request("DELETE", path)));
  } else if (name === "scale") {
    askToScale(called, object.target_num_containers, async (number) => {
      await request("PATCH", path, JSON.stringify({ target_num_containers: number }));
      done(await request("POST", `${path}scale/`));
    });
  } else {
    done(await request("POST", `${path}${name}/`));
  }
}

/** Create or change the stack of a stack file, and deploy its services. */
async function deployStack(name, file) {
  const before = stackNamed(name);
  const type = "application/yaml";
  const stack = before
    ? await request("PATCH", pathOf("stack", before.uuid), file, type)
    : await request("POST", `${pathOf("stack")}?${new URLSearchParams({ name })}`, file, type);
  live.put(stack);
  location.hash = `#/stack/${stack.uuid}`;
  live.put(await request("POST", `${pathOf("stack", stack.uuid)}${before ? "redeploy" : "start"}/`));
  notify(`Deploying ${name} …`);
}

const stackNamed = (name) => live.all("stack")
  .find((stack) => stack.name === name && !["Terminating", "Terminated"].includes(stack.state));

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-do]");
  if (!button) return;
  const { do: name, kind, uuid } = button.dataset;
  if (name === "connect") return live.connectNow();
  if (name === "deploy-stack") return askForStack((text) => Boolean(stackNamed(text)), deployStack);
  try {
    await operate(name, kind, live.get(kind, uuid));
  } catch (error) {
    notify(error.message, true);
  }
});

document.addEventListener("input", ({ target }) => {
  if (target.id !== "filter") return;
  filter = target.value;
  render();
});

begin();
