// The page of one object: its state and facts, what belongs to it, its log, a terminal.

import { pathOf } from "./api.js";
import { h, icon } from "./dom.js";
import { COLUMNS, ports, related, table } from "./lists.js";
import { TITLES, ago, badge, buttons, hashOf, nameOf } from "./words.js";

/** Kind → the tabs of its page. The first one has no name in the address. */
const TABS = {
  stack: [["", "Services"], ["actions", "Actions"]],
  service: [["", "Containers"], ["log", "Log"], ["actions", "Actions"], ["facts", "Definition"]],
  container: [["", "Log"], ["terminal", "Terminal"], ["facts", "Facts"], ["actions", "Actions"]],
  node: [["", "Containers"], ["facts", "Facts"], ["actions", "Actions"]],
  action: [["", "Log"], ["facts", "Facts"]],
};

/** Read what the page of an object shows beyond the lists that are read already. */
export async function readMore(live, kind, uuid) {
  if (!live.get(kind, uuid)) await live.read(kind, uuid);
  const uri = live.get(kind, uuid)?.resource_uri;
  if (kind === "service") await live.more("container", { service: uri, terminated: "false" });
  if (kind !== "action") await live.more("action", { object: uri, include_related: "true" });
}

const code = (text) => (text ? h("code", null, text) : null);
const values = (pairs) => (pairs?.length ? h("ul", { class: "values" }, pairs.map(
  ({ key, value }) => h("li", null, h("code", null, `${key}=${value}`)))) : null);

/** Kind → the facts of an object, each with its heading. */
const FACTS = {
  stack: (one) => [["Deployed", ago(one.deployed_datetime)], ["Version", String(one.version)]],
  service: (one, live) => [
    ["Image", code(one.image_name)],
    ["Stack", related(live, one.stack)],
    ["Ports", ports(one)],
    ["Command", code(one.run_command)],
    ["Address", code(one.public_dns)],
    ["Environment", values(one.container_envvars)],
    ["Restart", one.autorestart],
    ["Redeploy on push", one.autoredeploy ? "yes" : "no"],
    ["Deployed", ago(one.deployed_datetime)],
    ["Version", String(one.version)],
  ],
  container: (one, live) => [
    ["Service", related(live, one.service)],
    ["Node", related(live, one.node)],
    ["Image", code(one.image_name)],
    ["Command", code(one.run_command)],
    ["Ports", ports(one)],
    ["Address", code(one.public_dns)],
    ["Private address", code(one.private_ip)],
    ["Exit code", one.exit_code === null ? null : one.exit_code_msg ?? String(one.exit_code)],
    ["Environment", values(one.container_envvars)],
    ["Started", ago(one.started_datetime)],
  ],
  node: (one) => [
    ["Address", code(one.public_ip)],
    ["Docker", one.docker_version || null],
    ["CPU", one.cpu && String(one.cpu)],
    ["Memory", one.memory ? `${one.memory} MB` : null],
    ["Disk", one.disk ? `${one.disk} GB` : null],
    ["Labels", one.tags?.length ? one.tags.map((tag) => tag.name).join(", ") : null],
    ["Deployed", ago(one.deployed_datetime)],
  ],
  action: (one, live) => [
    ["Object", related(live, one.object)],
    ["By", one.user || "the server"],
    ["From", one.ip || null],
    ["Began", ago(one.start_date)],
    ["Ended", ago(one.end_date)],
    ["Request", code(`${one.method} ${one.path}`)],
  ],
};

/** Return the facts of an object as a list of terms. */
function facts(kind, object, live) {
  return h("dl", { class: "card facts" }, FACTS[kind](object, live).map(([term, fact]) => h(
    "div", { key: term }, h("dt", null, term), h("dd", null, fact ?? "–"))));
}

function part(kind, objects, live, session, nothing) {
  const columns = COLUMNS[kind].filter(([heading]) => heading !== "Stack");
  return objects.length
    ? h("div", { class: "card flush" }, table(kind, objects, live, session, columns))
    : h("p", { class: "card quiet" }, nothing);
}

/** Return a place for a log or a terminal, which main.js fills. */
function panel(name, kind, object) {
  return h("div", {
    key: `${name}-${object.uuid}`, keep: true, class: "card panel", "data-panel": name,
    "data-path": pathOf(kind, object.uuid), "data-name": nameOf(kind, object), "data-kind": kind,
  });
}

function content(tab, kind, object, live, session) {
  const members = (member, name) => live.all(member)
    .filter((one) => one[name] === object.resource_uri && one.state !== "Terminated")
    .sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
  if (tab === "facts") return facts(kind, object, live);
  if (tab === "actions") return actions(kind, object, live, session);
  if (tab === "terminal") {
    if (!session.scopes.includes("exec")) return h("p", { class: "card quiet" }, "A terminal needs a key with the scope exec.");
    return panel("terminal", kind, object);
  }
  if (tab === "log" || kind === "container" || kind === "action") return panel("log", kind, object);
  if (kind === "stack") return part("service", members("service", "stack"), live, session, "The stack has no services.");
  return part("container", members("container", kind), live, session, "There are no containers.");
}

function actions(kind, object, live, session) {
  const own = new Set([object.resource_uri, ...(object.containers ?? []), ...(object.services ?? [])]);
  const found = live.all("action").filter((one) => own.has(one.object))
    .sort((one, other) => Date.parse(other.start_date) - Date.parse(one.start_date));
  return part("action", found, live, session, "There are no actions.");
}

/** Return the page of an object. */
export function detailPage(kind, uuid, tab, live, session) {
  const object = live.get(kind, uuid);
  if (!object) {
    return [h("div", { class: "heading", key: "missing" }, h("h1", { tabindex: "-1" }, "Not found")),
      h("p", { class: "card quiet" }, `There is no ${kind} with this id any more. `, h("a", { href: `#/${kind}s` }, TITLES[kind]))];
  }
  const summary = {
    service: () => [code(object.image_name), h("span", null, `${object.running_num_containers} of ${object.target_num_containers ?? object.current_num_containers} running`)],
    container: () => [related(live, object.service), code(object.image_name)],
    action: () => [related(live, object.object), ago(object.start_date)],
    stack: () => [h("span", null, `${object.services.length} services`)],
    node: () => [code(object.public_ip)],
  }[kind]();
  const warnings = object.warnings ?? [];
  return [
    h("div", { class: "heading detail", key: `heading-${uuid}` },
      h("div", null,
        h("p", { class: "crumb" }, h("a", { href: `#/${kind}s` }, icon(kind), TITLES[kind])),
        h("h1", { tabindex: "-1" }, nameOf(kind, object)),
        h("p", { class: "summary" }, badge(object.state, object.health), summary)),
      h("div", { class: "operations", role: "group", tabindex: "-1", "aria-label": "Operations" }, buttons(kind, object, session))),
    warnings.length > 0 && h("ul", { class: "card warnings", key: "warnings" }, warnings.map((text) => h("li", null, String(text)))),
    h("nav", { class: "tabs", key: `tabs-${uuid}`, "aria-label": `Parts of ${nameOf(kind, object)}` }, TABS[kind].map(([name, text]) => h(
      "a", { href: hashOf(kind, uuid, name), key: text, "aria-current": name === tab ? "page" : null }, text))),
    h("div", { class: "tab", key: `tab-${uuid}-${tab}` }, content(tab, kind, object, live, session)),
  ].filter(Boolean);
}
