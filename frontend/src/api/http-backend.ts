import { API, COMMANDS } from "../contract/generated";
import type { Backend, CloudListener, CloudStream, CommandRequest } from "./backend";
import { openChatSocket } from "./chat-socket";
import { request, urlOf } from "./http";

const loadCloudStream = () => import(/* webpackChunkName: "cloud-stream" */ "./cloud-stream");
const loadServers = () => import(/* webpackChunkName: "servers-api" */ "./servers");
const loadRooms = () => import(/* webpackChunkName: "rooms-api" */ "./rooms");
const loadFiles = () => import(/* webpackChunkName: "files-api" */ "./files");
const loadPeople = () => import(/* webpackChunkName: "people-api" */ "./people");
const loadHooks = () => import(/* webpackChunkName: "hooks" */ "./hooks");
const loadIncidents = () => import(/* webpackChunkName: "incidents" */ "./incidents");
const loadMessages = () => import(/* webpackChunkName: "thread" */ "./messages");
const loadNotifications = () => import(/* webpackChunkName: "notifications" */ "./notifications");
const loadSearch = () => import(/* webpackChunkName: "search" */ "./search");
const loadModeration = () => import(/* webpackChunkName: "moderation" */ "./moderation");

/** Open the event stream of the cloud once its code is there: the chat, which is shown first, doesn't need that. */
function openWhenLoaded(url: string, listener: CloudListener, token: string | undefined): CloudStream {
  let stream: CloudStream | undefined;
  let isClosed = false;
  loadCloudStream().then(
    ({ openCloudStream }) => {
      if (!isClosed) stream = openCloudStream(url, listener, token);
    },
    () => {
      if (!isClosed) listener.onClose();
    },
  );
  return {
    close: () => {
      isClosed = true;
      stream?.close();
    },
  };
}

/** Create a backend that uses the gateway at `base`: an origin, optionally with a path prefix of `/api/v1`. */
export function createHttpBackend(base: string): Backend {
  const command = async ({ command, instanceId = "", creation, key, token }: CommandRequest) => {
    const parts = { path: { instance_id: instanceId }, ...(creation ? { body: creation } : {}) };
    return (await request(base, COMMANDS[command].route, parts, { key, token })).operation;
  };
  return {
    session: token => request(base, "GET /session", {}, { token }),
    signOut: async (token, everywhere = false) => {
      await request(base, "DELETE /session", { query: everywhere ? { everywhere } : {} }, { token });
    },
    register: (name, token) => request(base, "POST /chat/users", { body: { name } }, { token }),
    users: async token => (await request(base, "GET /chat/users", { query: {} }, { token })).users,
    history: async ({ room, ...query }, token) => {
      const parts = { path: { room }, query };
      const page = await request(base, "GET /chat/rooms/{room}/messages", parts, { token });
      // Gateways of earlier releases don't say that more messages follow a full page.
      const next = page.messages.length < query.limit ? undefined : page.messages[0]?.seq;
      return { ...page, next: page.next ?? next };
    },
    instances: token => request(base, "GET /cloud/instances", { query: {} }, { token }),
    cloudHistory: (query, token) => request(base, "GET /cloud/history", { query }, { token }),
    command,
    cancel: async (operationId, token) => {
      const path = { operation_id: operationId };
      const options = { token };
      return (await request(base, "DELETE /cloud/operations/{operation_id}", { path }, options)).operation;
    },
    servers: async () => (await loadServers()).createServersApi(base),
    people: async () => (await loadPeople()).createPeopleApi(base),
    rooms: async () => (await loadRooms()).createRoomsApi(base),
    messages: async () => (await loadMessages()).createMessagesApi(base),
    notifications: async () => (await loadNotifications()).createNotificationsApi(base),
    search: async () => (await loadSearch()).createSearchApi(base),
    hooks: async () => (await loadHooks()).createHooksApi(base),
    incidents: async () => (await loadIncidents()).createIncidentsApi(base),
    files: async () => (await loadFiles()).createFilesApi(base),
    restrictions: async token => (await loadModeration()).restrictions(base, token),
    addresses: async (name, token) => (await loadModeration()).addresses(base, name, token),
    moderate: async (action, token) => (await loadModeration()).moderate(base, action, token),
    audit: (query, token) => request(base, "GET /audit", { query }, { token }),
    status: token => request(base, "GET /status", {}, { token }),
    openChat: listener => openChatSocket(`${base.replace(/^http/, "ws")}${API}/chat/ws`, listener),
    openCloud: ({ seq, epoch, timestamp }, listener, token) => {
      const query = {
        since: seq,
        ...(epoch === undefined ? {} : { epoch }),
        ...(timestamp === undefined ? {} : { timestamp }),
      };
      return openWhenLoaded(urlOf(base, "GET /cloud/events", { query }), listener, token);
    },
  };
}
