import { ABNORMAL_CLOSURE, type Backend } from "../api/backend";
import { ApiError, NetworkError } from "../api/errors";
import type { SessionView, User } from "../contract/generated";
import { MockChat } from "./chat/chat";
import { mockMessagesApi } from "./chat/messages-api";
import { mockNotificationsApi } from "./chat/notifications-api";
import { mockRoomsApi } from "./chat/rooms";
import { mockSearchApi } from "./chat/search-api";
import { MockCloud } from "./cloud/cloud";
import { mockServersApi } from "./cloud/servers-api";
import { MockCommands } from "./commands";
import { mockStatus } from "./status";

/** Open mode: no authentication, but a command has an author. */
const OPEN_SESSION: SessionView = { mode: "open", guests: true, may: ["register", "chat", "see_servers"] };

export interface MockOptions {
  /** The duration of a command. */
  readonly delayMs: number;
  /** The delay of every response and frame. */
  readonly latencyMs: number;
  readonly newId?: () => string;
}

/** A server in the page's memory for the demo and for tests, which can also inject faults. */
export interface MockBackend extends Backend {
  readonly chat: MockChat;
  readonly cloud: MockCloud;
  /** While unreachable, requests fail; connections are closed when it becomes unreachable. */
  setReachable(reachable: boolean): void;
}

export function createMockBackend({ delayMs, latencyMs, newId }: MockOptions): MockBackend {
  const defer = (action: () => void) => void setTimeout(action, latencyMs);
  const chat = new MockChat(defer);
  const cloud = new MockCloud(delayMs, defer, newId);
  chat.onCommand = new MockCommands(chat, cloud).answer;
  const since = Date.now();
  let reachable = true;

  const respond = <T>(work: () => T): Promise<T> =>
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
  const userOf = (token: string | undefined): User => {
    if (!token) throw new ApiError({ code: "unauthenticated", detail: "register a name first" });
    return JSON.parse(token) as User;
  };
  const author = (token: string | undefined): string => userOf(token).name;
  const servers = mockServersApi({ cloud, respond, author });

  return {
    chat,
    cloud,
    setReachable: value => {
      reachable = value;
      if (value) return;
      chat.cutAll();
      cloud.feed.cutAll();
    },
    session: () => respond(() => ({ ...OPEN_SESSION, now: cloud.now().toISOString() })),
    signOut: () => respond(() => {}),
    register: name => respond(() => chat.register(name)),
    users: () => respond(() => chat.users()),
    history: query => respond(() => chat.history(query)),
    instances: () => respond(() => cloud.list()),
    cloudHistory: query => respond(() => cloud.feed.history(query)),
    command: request => respond(() => cloud.command(request, author(request.token))),
    servers: async () => servers,
    cancel: (operationId, token) => respond(() => cloud.cancel(operationId, author(token))),
    people: async () => {
      throw new ApiError({ code: "forbidden", detail: "people and devices are not available" });
    },
    hooks: async () => {
      throw new ApiError({ code: "forbidden", detail: "hooks are not available" });
    },
    incidents: async () => {
      throw new ApiError({ code: "forbidden", detail: "incidents are not available" });
    },
    files: async () => chat.files.api,
    rooms: async () => mockRoomsApi({ rooms: chat.rooms, respond, userOf }),
    messages: async () => mockMessagesApi(chat, respond, userOf),
    notifications: async () => mockNotificationsApi(chat, respond, userOf),
    search: async () => mockSearchApi(chat, respond),
    restrictions: () => respond(() => []),
    addresses: () => respond(() => []),
    moderate: () =>
      respond(() => {
        throw new ApiError({ code: "forbidden", detail: "moderation is not available" });
      }),
    audit: () =>
      respond(() => {
        throw new ApiError({ code: "forbidden", detail: "the audit log is not available" });
      }),
    status: () => respond(() => mockStatus(since, { CHAT: chat.messages.length, CLOUD: cloud.list().seq })),
    openChat: listener => {
      if (reachable) return chat.open(listener);
      defer(() => listener.onClose(ABNORMAL_CLOSURE, ""));
      return { send() {}, close() {} };
    },
    openCloud: (position, listener) => {
      if (reachable) return cloud.feed.open(position, listener);
      defer(() => listener.onClose());
      return { close() {} };
    },
  };
}
