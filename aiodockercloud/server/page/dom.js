// Elements: how views describe them, and how a view replaces the one before.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Return a new element.
 *
 * A property is an attribute; `true` stands for an attribute without a value, and null
 * and false for none. `key` identifies the element among its siblings when a view is
 * drawn again, and `keep` leaves the content of a drawn element alone.
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    const attribute = { key: "data-key", keep: "data-keep" }[name] ?? name;
    element.setAttribute(attribute, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== false));
  return element;
}

/** Return an icon of index.html; the text beside the icon names the meaning. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Make new nodes the content of an element, and keep what is equal.
 *
 * Elements that stay are the same elements as before, so that the focus, a selection
 * and the place of a scroll bar stay, too.
 */
export function draw(parent, nodes) {
  const restore = focusKeeper();
  merge(parent, nodes);
  restore();
}

/**
 * Return a function that gives the focus back to the element that has it now.
 *
 * If the element is removed, as the button of an operation that a new state does not
 * allow, the focus goes to what is near: the name in the same row, or the group.
 */
export function focusKeeper() {
  const focused = document.activeElement;
  const around = [];
  for (let one = focused?.parentElement; one; one = one.parentElement) around.push(one);
  return () => {
    if (focused === document.activeElement) return;
    const near = around.filter((one) => one.isConnected).map((one) => (
      one.matches("[tabindex]") ? one : one.querySelector(":scope > .name a")));
    const target = focused?.isConnected ? focused : near.find(Boolean);
    target?.focus({ preventScroll: true });
  };
}

function merge(parent, nodes) {
  const wanted = new Set(nodes.map(keyOf).filter(Boolean));
  const known = new Map();
  for (const child of [...parent.childNodes]) {
    const key = keyOf(child);
    if (key && !wanted.has(key)) child.remove();
    else if (key) known.set(key, child);
  }
  let place = parent.firstChild;
  for (const node of nodes) {
    const key = keyOf(node);
    const candidate = key ? known.get(key) : place && !keyOf(place) ? place : null;
    if (!candidate || !alike(candidate, node)) {
      parent.insertBefore(node, place);
      continue;
    }
    if (candidate === place) place = place.nextSibling;
    else parent.insertBefore(candidate, place);
    update(candidate, node);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function keyOf(node) {
  return node.dataset?.key;
}

function alike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName;
}

function update(element, wanted) {
  if (element.nodeType === Node.TEXT_NODE) {
    if (element.data !== wanted.data) element.data = wanted.data;
    return;
  }
  for (const { name } of [...element.attributes]) {
    if (!wanted.hasAttribute(name)) element.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
  if (!element.hasAttribute("data-keep")) merge(element, [...wanted.childNodes]);
}
