import { ABNORMAL_CLOSURE, type Backend } from "../api/backend";
import { ApiError, NetworkError } from "../api/errors";
import type { SessionView, User } from "../contract/generated";
import { MockChat } from "./chat";
import { MockCloud } from "./cloud";
import { mockStatus } from "./status";

/** Nobody is asked who they are. */
const OPEN_SESSION: SessionView = {
  mode: "open",
  guests: true,
  may: ["register", "chat", "see_servers", "command_servers"],
};

export interface MockOptions {
  /** How long a command takes. */
  readonly delayMs: number;
  /** How long an answer takes. */
  readonly latencyMs: number;
  readonly newId?: () => string;
}

/** A whole server in the page's own memory: for the demo, and for tests, which may also break it. */
export interface MockBackend extends Backend {
  readonly chat: MockChat;
  readonly cloud: MockCloud;
  /** Whether anything answers; turned off, connections are cut and requests fail. */
  setReachable(reachable: boolean): void;
}

export function createMockBackend({ delayMs, latencyMs, newId }: MockOptions): MockBackend {
  const defer = (action: () => void) => void setTimeout(action, latencyMs);
  const chat = new MockChat(defer);
  const cloud = new MockCloud(delayMs, defer, newId);
  const since = Date.now();
  let reachable = true;

  const answer = <T>(work: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      defer(() => {
        try {
          if (!reachable) throw new NetworkError("switched off");
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
    });
  const actor = (token: string | undefined) => (token ? (JSON.parse(token) as User).name : "anonymous");

  return {
    chat,
    cloud,
    setReachable: value => {
      reachable = value;
      if (value) return;
      chat.cutAll();
      cloud.cutAll();
    },
    session: () => answer(() => OPEN_SESSION),
    signOut: () => answer(() => {}),
    register: name => answer(() => chat.register(name)),
    users: () => answer(() => chat.users()),
    history: query => answer(() => chat.history(query)),
    instances: () => answer(() => cloud.list()),
    command: request => answer(() => cloud.command(request, actor(request.token))),
    cancel: (operationId, token) => answer(() => cloud.cancel(operationId, actor(token))),
    restrictions: () => answer(() => []),
    addresses: () => answer(() => []),
    moderate: () =>
      answer(() => {
        throw new ApiError({ code: "forbidden", detail: "nobody moderates here" });
      }),
    status: () => answer(() => mockStatus(since, { CHAT: chat.messages.length, CLOUD: cloud.list().seq })),
    openChat: listener => {
      if (reachable) return chat.open(listener);
      defer(() => listener.onClose(ABNORMAL_CLOSURE, ""));
      return { send() {}, close() {} };
    },
    openCloud: (since, listener) => {
      if (reachable) return cloud.open(since, listener);
      defer(() => listener.onClose());
      return { close() {} };
    },
  };
}
