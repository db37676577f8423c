import type {
  HistoryReply,
  InstanceList,
  OperationAccepted,
  Registered,
  UsersReply,
} from "../contract/generated";
import type { Backend, CommandRequest } from "./backend";
import { openChatSocket } from "./chat-socket";
import { openCloudStream } from "./cloud-stream";
import { type HttpRequest, requestJson } from "./http";

function commandTarget({ command, instanceId }: CommandRequest): [HttpRequest["method"], string] {
  const instances = "/cloud/instances";
  if (command === "create") return ["POST", instances];
  const instance = `${instances}/${encodeURIComponent(instanceId ?? "")}`;
  return command === "remove" ? ["DELETE", instance] : ["POST", `${instance}/${command}`];
}

/** The gateway at `base`, an origin with or without a path before `/api/v1`. */
export function createHttpBackend(base: string): Backend {
  const api = `${base}/api/v1`;
  const users = `${api}/chat/users`;
  return {
    register: name => requestJson<Registered>(users, { method: "POST", body: { name } }),
    users: async () => (await requestJson<UsersReply>(users)).users,
    history: async ({ room, before, limit }) => {
      const query = new URLSearchParams({ limit: String(limit) });
      if (before !== undefined) query.set("before", String(before));
      const url = `${api}/chat/rooms/${encodeURIComponent(room)}/messages?${query}`;
      return (await requestJson<HistoryReply>(url)).messages;
    },
    instances: () => requestJson<InstanceList>(`${api}/cloud/instances`),
    command: async request => {
      const [method, path] = commandTarget(request);
      const options: HttpRequest = { method: method ?? "POST", key: request.key, token: request.token };
      return (await requestJson<OperationAccepted>(api + path, options)).operation;
    },
    cancel: async (operationId, token) => {
      const url = `${api}/cloud/operations/${encodeURIComponent(operationId)}`;
      return (await requestJson<OperationAccepted>(url, { method: "DELETE", token })).operation;
    },
    openChat: listener => openChatSocket(`${api.replace(/^http/, "ws")}/chat/ws`, listener),
    openCloud: (since, listener) => openCloudStream(`${api}/cloud/events?since=${since}`, listener),
  };
}
