// The list of each kind: a table that becomes cards on a narrow screen.

import { KINDS, parseUri } from "./api.js";
import { h, icon } from "./dom.js";
import { TITLES, ago, badge, buttons, hashOf, linkTo, nameOf } from "./words.js";

const byName = (kind) => (one, other) => nameOf(kind, one)
  .localeCompare(nameOf(kind, other), undefined, { numeric: true });
const newest = (one, other) => Date.parse(other.start_date) - Date.parse(one.start_date);

/** Return a meter of the running containers of a service. */
function running(service) {
  const wanted = service.target_num_containers ?? service.current_num_containers;
  const text = `${service.running_num_containers} of ${wanted}`;
  return h("span", { class: "meter" },
    h("progress", { max: wanted || 1, value: service.running_num_containers, "aria-hidden": "true" }), text);
}

/** Return a link to the object of a resource_uri; null without one. */
export function related(live, uri) {
  const object = uri && live.at(uri);
  const target = parseUri(uri);
  if (object) return linkTo(target.kind, object);
  return target ? h("a", { href: hashOf(target.kind, target.uuid) }, target.uuid.slice(0, 8)) : null;
}

export function ports(object) {
  const found = (object.container_ports ?? []).filter((port) => port.published);
  if (!found.length) return null;
  return found.map(({ outer_port: outer, inner_port: inner }) => (outer ? `${outer}:${inner}` : inner)).join(", ");
}

/** Kind → the columns of its table: the heading, and the content of a cell. */
export const COLUMNS = {
  stack: [
    ["State", (one) => badge(one.state)],
    ["Services", (one) => String(one.services.length)],
    ["Deployed", (one) => ago(one.deployed_datetime)],
  ],
  service: [
    ["State", (one) => badge(one.state, one.health)],
    ["Running", running],
    ["Image", (one) => h("code", null, one.image_name)],
    ["Stack", (one, live) => related(live, one.stack)],
    ["Ports", ports],
  ],
  container: [
    ["State", (one) => badge(one.state, one.health)],
    ["Image", (one) => h("code", null, one.image_name)],
    ["Node", (one, live) => related(live, one.node)],
    ["Started", (one) => ago(one.started_datetime)],
  ],
  node: [
    ["State", (one) => badge(one.state)],
    ["Containers", (one) => String(one.current_num_containers)],
    ["CPU", (one) => one.cpu && String(one.cpu)],
    ["Memory", (one) => (one.memory ? `${one.memory} MB` : null)],
    ["Docker", (one) => one.docker_version || null],
  ],
  action: [
    ["State", (one) => badge(one.state)],
    ["Object", (one, live) => related(live, one.object)],
    ["By", (one) => one.user || null],
    ["Began", (one) => ago(one.start_date)],
  ],
};

/** Return the table of some objects of a kind. */
export function table(kind, objects, live, session, columns = COLUMNS[kind]) {
  const cell = (object) => ([heading, content]) => h(
    "span",
    { role: "cell", class: `cell ${heading.toLowerCase()}`, "data-label": heading },
    content(object, live) ?? h("span", { class: "none" }, "–"),
  );
  const row = (object) => h(
    "div",
    { role: "row", class: "row", key: object.uuid },
    h("span", { role: "rowheader", class: "name" }, linkTo(kind, object)),
    columns.map(cell(object)),
    h("span", { role: "cell", class: "operations" }, buttons(kind, object, session, { compact: true })),
  );
  const headings = ["Name", ...columns.map(([heading]) => heading),
    h("span", { class: "unseen" }, "Operations")];
  return h("div", { role: "table", class: `table ${kind}s`, "aria-label": TITLES[kind] },
    h("div", { role: "rowgroup", class: "head" },
      h("div", { role: "row", class: "row" },
        headings.map((heading) => h("span", { role: "columnheader" }, heading)))),
    h("div", { role: "rowgroup" }, objects.map(row)));
}

/** Return the objects of a kind in the order of its list, without those that ended. */
export function listed(kind, live, filter = "") {
  const wanted = filter.trim().toLowerCase();
  const text = (one) => [nameOf(kind, one), one.state, one.image_name, live.at(one.object)?.name]
    .join(" ").toLowerCase();
  return live.all(kind)
    .filter((one) => one.state !== "Terminated" && text(one).includes(wanted))
    .sort(kind === "action" ? newest : byName(kind));
}

const EMPTY = {
  stack: "A stack is a set of services that are deployed together, from a stack file.",
  service: "A service runs containers of one image. Deploy a stack file to create services.",
  container: "Services create containers when they are started.",
  node: "Nodes are the machines on which containers run.",
  action: "An action is the record of an operation.",
};

/** Return the page of a kind. */
export function listPage(kind, live, session, filter) {
  const objects = listed(kind, live, filter);
  const total = live.totals[kind] ?? 0;
  const known = live.objects[kind].size;
  const writes = session.scopes.includes("deploy");
  const deploys = writes && ["stack", "service"].includes(kind);
  const deployment = () => h("button", { type: "button", class: "primary", "data-do": "deploy-stack" },
    icon("plus"), h("span", null, "Deploy a stack"));
  return [
    h("div", { class: "heading", key: `heading-${kind}` },
      h("h1", { tabindex: "-1" }, TITLES[kind]),
      h("label", { class: "filter" }, icon("search"), h("span", { class: "unseen" }, `Filter ${TITLES[kind].toLowerCase()}`),
        h("input", { type: "search", id: "filter", placeholder: "Filter", autocomplete: "off" })),
      deploys && deployment()),
    objects.length > 0 && h("div", { class: "card flush", key: `table-${kind}` }, table(kind, objects, live, session)),
    objects.length === 0 && h("div", { class: "card empty", key: `empty-${kind}` }, icon(kind),
      h("h2", null, filter ? "Nothing matches the filter" : `No ${TITLES[kind].toLowerCase()} yet`),
      !filter && h("p", { class: "quiet" }, EMPTY[kind])),
    total > known && h("p", { class: "quiet", key: "more" }, `The newest ${known} of ${total} are shown.`),
  ].filter(Boolean);
}

/** Return the links of the navigation, with the number of objects of each kind. */
export function navigation(current, live) {
  return h("ul", null, KINDS.map((kind) => {
    const number = kind === "action" ? "" : String(listed(kind, live).length);
    return h("li", { key: kind }, h("a", {
      href: `#/${kind}s`, "aria-current": current === kind ? "page" : null,
    }, icon(kind), h("span", { class: "text" }, TITLES[kind]),
    number && h("span", { class: "count" }, number)));
  }));
}
