// The objects of the server, kept up to date by its event stream.

import { KINDS, backoff, list, parseUri, pathOf, request, socket } from "./api.js";

/** Objects of a kind that the page reads at once; the newest. */
const SHOWN = { action: 100 };
const MOST = 1000;
/** Milliseconds in which events are collected, before their objects are read. */
const COLLECTED = 200;
/** Collected objects from which on the lists of their kinds are read instead. */
const MANY = 20;
/** Milliseconds between two readings of the lists while very much changes. */
const PAUSE = 2000;
/** Milliseconds between two questions whether a silent server still answers. */
const SILENCE = 30_000;

export class Live {
  /**
   * @param {() => void} onChange Called after objects or the connection have changed.
   * @param {(reason: string) => void} onEnd Called when the session has ended.
   */
  constructor(onChange, onEnd) {
    this.onChange = onChange;
    this.onEnd = onEnd;
    /** How often lists were read. */
    this.loads = 0;
    this.clear();
    /** `connecting`, `live` or `waiting`, which has the time of the next attempt. */
    this.connection = { state: "connecting" };
    addEventListener("online", () => this.connectNow());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.connectNow();
    });
    setInterval(() => this.#ask(), SILENCE);
  }

  clear() {
    /** Kind → uuid → object, as the server has answered the object. */
    this.objects = Object.fromEntries(KINDS.map((kind) => [kind, new Map()]));
    /** Kind → the number of objects that the server has. */
    this.totals = {};
    this.loaded = false;
    this.changed = new Set();
  }

  get(kind, uuid) {
    return this.objects[kind]?.get(uuid);
  }

  /** Return the object that a resource_uri names. */
  at(uri) {
    const target = parseUri(uri);
    return target && this.get(target.kind, target.uuid);
  }

  all(kind) {
    return [...this.objects[kind].values()];
  }

  put(object) {
    const { kind, uuid } = parseUri(object.resource_uri);
    this.objects[kind].set(uuid, object);
    this.onChange();
  }

  // --- the connection ---------------------------------------------------------------

  start() {
    this.stop();
    this.attempt = 0;
    this.#connect();
  }

  stop() {
    clearTimeout(this.timer);
    const before = this.socket;
    this.socket = null;
    before?.close();
    this.connection = { state: "connecting" };
  }

  /** Connect at once, if the page waits for its next attempt. */
  connectNow() {
    if (this.connection.state !== "waiting") return;
    clearTimeout(this.timer);
    this.#connect();
  }

  #connect() {
    this.#show({ state: "connecting" });
    const opened = socket(pathOf("action").replace(/action\/$/, "events/"), { since: "now" });
    this.socket = opened;
    opened.onmessage = ({ data }) => {
      if (this.socket === opened) this.#receive(JSON.parse(data));
    };
    opened.onclose = () => {
      if (this.socket === opened) this.#lost();
    };
  }

  async #receive(event) {
    this.heard = Date.now();
    if (event.type === "position" || event.type === "gap") {
      // The stream is open, or has a gap: only now nothing that follows is missed.
      await this.#load();
    } else {
      for (const uri of [event.resource_uri, ...(event.parents ?? [])]) this.#note(uri);
    }
  }

  async #lost() {
    this.socket = null;
    const attempt = this.attempt++;
    const wait = backoff(attempt);
    this.#show({ state: "waiting", until: Date.now() + wait });
    this.timer = setTimeout(() => this.#connect(), wait);
    // A handshake without a session is refused, and a browser hides the reason.
    await this.#ask(true);
  }

  /** Ask a silent server whether there is still a session. */
  async #ask(always = false) {
    if (!always && (!this.socket || Date.now() - this.heard < SILENCE)) return;
    try {
      const session = await request("GET", "/session");
      if (!session.user) this.onEnd("Your session has ended. Log in again.");
    } catch {
      this.socket?.close();
    }
  }

  #show(connection) {
    this.connection = connection;
    this.onChange();
  }

  // --- reading ----------------------------------------------------------------------

  #load(kinds) {
    this.loading = this.#loadAll(kinds);
    return this.loading;
  }

  async #loadAll(kinds = KINDS) {
    if (kinds === KINDS) this.changed.clear();
    const from = this.socket;
    try {
      const pages = await Promise.all(kinds.map((kind) => list(kind, {
        limit: SHOWN[kind] ?? MOST, ...(kind === "action" ? {} : { terminated: "false" }),
      })));
      if (this.socket !== from) return;
      kinds.forEach((kind, i) => {
        this.objects[kind] = new Map(pages[i].objects.map((one) => [one.uuid, one]));
        this.totals[kind] = pages[i].total;
      });
      this.loaded = true;
      this.loads += 1;
      this.attempt = 0;
      this.#show({ state: "live" });
    } catch {
      from?.close();
    }
  }

  #note(uri) {
    if (!parseUri(uri)) return;
    if (!this.changed.size) {
      const since = Date.now() - (this.listed ?? 0);
      setTimeout(() => this.#read(), Math.max(COLLECTED, PAUSE - since));
    }
    this.changed.add(uri);
  }

  async #read() {
    // A list that is on its way may be older than an event.
    await this.loading;
    const uris = [...this.changed];
    this.changed.clear();
    if (uris.length > MANY) {
      this.listed = Date.now();
      return this.#load([...new Set(uris.map((uri) => parseUri(uri).kind))]);
    }
    await Promise.all(uris.map((uri) => {
      const { kind, uuid } = parseUri(uri);
      return this.read(kind, uuid).catch(() => null);
    }));
  }

  /** Read an object; an object that the server has no longer is removed. */
  async read(kind, uuid) {
    try {
      this.put(await request("GET", pathOf(kind, uuid)));
    } catch (error) {
      if (error.status === 404 && this.objects[kind].delete(uuid)) this.onChange();
      throw error;
    }
  }

  /** Read further objects of a kind, such as the containers of one service. */
  async more(kind, query) {
    const { objects } = await list(kind, { limit: SHOWN[kind] ?? MOST, ...query });
    for (const object of objects) this.objects[kind].set(object.uuid, object);
    this.onChange();
  }
}
