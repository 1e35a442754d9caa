// Requests to the server: the cookie of the session is the only credential.

const SUBSYSTEMS = {
  stack: "app", service: "app", container: "app", node: "infra", action: "audit",
};
/** The kinds whose objects the page shows, in the order of the navigation. */
export const KINDS = Object.keys(SUBSYSTEMS);
/** Milliseconds after which an unanswered request has failed. */
const PATIENCE = 30_000;

/** The error of a request: the words of the server, and the HTTP status. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** The namespace in paths: empty for the namespace of the session's key. */
let namespace = "";

export function useNamespace(name) {
  namespace = name;
}

/** Return the path of a list, an object or an operation. */
export function pathOf(kind, ...segments) {
  const parts = [kind, ...segments].map(encodeURIComponent);
  const space = namespace ? `${encodeURIComponent(namespace)}/` : "";
  return `/api/${SUBSYSTEMS[kind]}/v1/${space}${parts.join("/")}/`;
}

/** Return the kind and the uuid of a resource_uri; null for another text. */
export function parseUri(uri) {
  const parts = (uri ?? "").split("/").filter(Boolean);
  const [kind, uuid] = parts.slice(-2);
  return SUBSYSTEMS[kind] ? { kind, uuid } : null;
}

/** Send a request, and return the JSON of the answer; null for an empty answer. */
export async function request(method, path, body, type = "application/json") {
  // A server answers a script with no challenge, which would open a dialog.
  const headers = { "X-Requested-With": "fetch" };
  if (body !== undefined) headers["Content-Type"] = type;
  let response;
  try {
    response = await fetch(path, {
      method, headers, body, redirect: "error", signal: AbortSignal.timeout(PATIENCE),
    });
  } catch (error) {
    const reason = error.name === "TimeoutError" ? "has not answered in time" : "cannot be reached";
    throw new ApiError(`The server ${reason}.`, 0);
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError(`The answer of the server is no JSON (${response.status}).`, response.status);
  }
  if (!response.ok) throw new ApiError(answer?.error ?? response.statusText, response.status);
  return answer;
}

/** Return a page of objects, and the number of all objects. */
export async function list(kind, query) {
  const { meta, objects } = await request("GET", `${pathOf(kind)}?${new URLSearchParams(query)}`);
  return { objects, total: meta.total_count };
}

/** Open a websocket of the server. */
export function socket(path, query = {}) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = new URLSearchParams(query);
  return new WebSocket(url);
}

/** Return the milliseconds to wait before an attempt: longer each time, never equal. */
export function backoff(attempt) {
  return Math.min(30_000, 500 * 2 ** attempt) * (0.75 + Math.random() / 2);
}
